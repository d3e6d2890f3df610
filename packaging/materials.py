#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Prints the bill of materials, in CycloneDX's JSON: every crate that what is shipped is linked from, with its version, licence,
checksum, and what it depends on. The same text from the same Cargo.lock.

    materials.py TARGET     what it is for, as Rust calls it
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What is shipped, and what the parts of it are called there.
SHIPPED = {
    "partage": "library",
    "partage-preload": "library",
    "partage-ipcs": "library",
    "partage-trace": "library",
    "partage-cli": "application",
}


def main():
    told = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={sys.argv[1]}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    metadata = json.loads(told.stdout)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in lock["package"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    needs = {node["id"]: linked(node) for node in metadata["resolve"]["nodes"]}

    shipped = [id_ for id_, package in packages.items() if package["name"] in SHIPPED and not package["source"]]
    reached, open_ = set(), list(shipped)
    while open_:
        id_ = open_.pop()
        if id_ not in reached:
            reached.add(id_)
            open_ += needs[id_]
    order = sorted(reached, key=lambda id_: (packages[id_]["name"], packages[id_]["version"]))
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "partage-release",
                "name": "partage",
                "version": next(packages[id_]["version"] for id_ in shipped),
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            }
        },
        "components": [component(packages[id_], checksums) for id_ in order],
        "dependencies": [
            {"ref": "partage-release", "dependsOn": sorted(reference(packages[id_]) for id_ in shipped)},
            *(
                {
                    "ref": reference(packages[id_]),
                    "dependsOn": sorted(reference(packages[need]) for need in needs[id_]),
                }
                for id_ in order
            ),
        ],
    }
    print(json.dumps(bill, indent=1))


def linked(node):
    """The packages that this one is linked with: not what only builds or tests it."""
    return [need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])]


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    told = {
        "type": SHIPPED.get(package["name"], "library") if not package["source"] else "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package["description"]:
        told["description"] = " ".join(package["description"].split())
    if package["license"]:
        # The older way to write it, which is no SPDX expression.
        told["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        told["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return told


main()
