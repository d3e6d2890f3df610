#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes the documentation's pages by mdBook, with a page of the C interface from the header's comments, and checks that every link in
them leads somewhere.

book.py OUT            the pages, in OUT/html
book.py --links-only   checks the links of the Markdown files, without mdBook"""

import html.parser
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
#: Pages that lie elsewhere in the tree, or have a name that means something to mdBook.
ELSEWHERE = {
    "README.md": "introduction.md",
    "docs/README.md": "documentation.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "packaging/python/README.md": "python.md",
    "include/partage.h": "api.md",
}
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")
CODE = re.compile(r"(?ms)^(`{3,}).*?^\1$|`[^`\n]*`")


def main(arguments):
    bad = markdown_links() + left_out()
    if arguments != ["--links-only"]:
        out = Path(arguments[0]).resolve()
        stage(out / "src")
        (out / "book.toml").write_text('[book]\ntitle = "partage"\nlanguage = "en"\n\n[build]\nbuild-dir = "html"\n')
        subprocess.run(["mdbook", "build", out], check=True, stdout=subprocess.DEVNULL)
        bad += page_links(out / "html")
    print("\n".join(bad) or "every link leads somewhere")
    return bool(bad)


def pages():
    return sorted({*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("packaging/**/*.md")})


def markdown_links():
    """The links of Markdown files to files and headings that are not there."""
    bad = []
    for page in pages():
        for _, link in LINK.findall(CODE.sub("", page.read_text())):
            if re.match(r"[a-z]+:", link) or page.name == "SUMMARY.md":
                continue
            path, _, heading = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists():
                bad.append(f"{page.relative_to(ROOT)}: {link}: no such file")
            elif heading and heading not in headings(target):
                bad.append(f"{page.relative_to(ROOT)}: {link}: no such heading")
    return bad


def left_out():
    """Pages that the book's list does not have."""
    listed = (DOCS / "SUMMARY.md").read_text()
    names = {page.name for page in DOCS.glob("*.md")} - {"README.md", "SUMMARY.md"} | set(ELSEWHERE.values())
    return [f"docs/SUMMARY.md: {name} is not in it" for name in sorted(names) if f"({name})" not in listed]


def headings(page):
    text = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", page.read_text())
    found = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def stage(source):
    """The pages as mdBook wants them: in one directory, with links that stay within it."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for file in DOCS.iterdir():
        if str(file.relative_to(ROOT)) in ELSEWHERE:
            continue
        if file.suffix == ".md":
            (source / file.name).write_text(moved(file))
        elif file.is_file():
            shutil.copy(file, source)
    for file, name in ELSEWHERE.items():
        if name != "api.md":
            (source / name).write_text(moved(ROOT / file))
    (source / "api.md").write_text(interface((ROOT / "include/partage.h").read_text()))


def moved(page):
    """The page's text with its links as they are from one directory with all the others."""

    def put(match):
        label, link = match.groups()
        if re.match(r"[a-z]+:|#", link):
            return match[0]
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve()
        place = str(target.relative_to(ROOT))
        name = ELSEWHERE.get(place) or (target.name if target.parent == DOCS else None)
        if name is None:
            return label.strip("![]")  # In the tree, and no page.
        return f"{label}({name}{'#' if heading else ''}{heading})"

    return LINK.sub(put, page.read_text())


def interface(header):
    """A page from the header's comments: one heading for each function."""
    lead = re.search(r"/\* System V(.*?)\*/", header, re.DOTALL)[1]
    text = ["# The C interface", "", *unstarred("System V" + lead), ""]
    for comment, prototype in re.findall(r"/\*\*\n(.*?)\*/\n([^\n]*;)", header, re.DOTALL):
        name = re.search(r"(\w+)\(", prototype)[1]
        body = "\n".join(unstarred(comment)).replace("# Safety", "**To be seen to by the caller:**")
        text += [f"## {name}", "", "```c", prototype, "```", "", body, ""]
    return "\n".join(text)


def unstarred(comment):
    return [re.sub(r"^ ?\* ?", "", line) for line in comment.strip().splitlines()]


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        link = attrs.get("href" if tag == "a" else "src")
        if link and tag in ("a", "img", "script"):
            self.links.append(link)


def page_links(out):
    """The links of the made pages that lead nowhere."""
    parsed = {}
    for page in out.rglob("*.html"):
        parsed[page.resolve()] = links = Links()
        links.feed(page.read_text())
    bad = []
    for page, links in parsed.items():
        for link in links.links:
            if re.match(r"[a-z]+:|//|javascript", link):
                continue
            path, _, heading = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            name = page.relative_to(out.resolve())
            if not target.exists():
                bad.append(f"{name}: {link}: no such page")
            elif heading and target in parsed and heading not in parsed[target].ids:
                bad.append(f"{name}: {link}: no such heading")
    return bad


sys.exit(main(sys.argv[1:]))
