//! The memory of segments of huge pages lies on another file system; the namespace has links to it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Removes what `link` leads to, if that is memory of the namespace that the link lies in. Anything else is left
/// alone: whoever may make files in a namespace may make links.
pub(crate) fn remove_memory(link: &Path) {
    let Ok(target) = fs::read_link(link) else {
        return;
    };
    if is_of_namespace(link, &target).unwrap_or(false) {
        // Another may have been faster.
        let _ = fs::remove_file(target);
    }
}

/// As the library names it: by the inode number of the namespace's directory.
fn is_of_namespace(link: &Path, target: &Path) -> Option<bool> {
    let directory = fs::metadata(link.parent()?).ok()?;
    let beginning = format!("partage-{:x}-", directory.ino());
    Some(target.file_name()?.to_str()?.starts_with(&beginning))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_memory_of_the_same_namespace_goes() {
        let root = std::env::temp_dir().join(format!("partage-huge-{}", std::process::id()));
        fs::create_dir_all(root.join("namespace")).unwrap();
        let inode = fs::metadata(root.join("namespace")).unwrap().ino();
        let own = root.join(format!("partage-{inode:x}-5"));
        let others = root.join("partage-0-5");
        for (target, gone) in [(&own, true), (&others, false)] {
            fs::write(target, "x").unwrap();
            let link = root.join("namespace/segment-1-1000");
            symlink(target, &link).unwrap();
            remove_memory(&link);
            assert_eq!(target.exists(), !gone);
            fs::remove_file(link).unwrap();
        }
        fs::remove_dir_all(root).unwrap();
    }
}
