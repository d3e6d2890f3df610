//! Files, links and directories that a stranger puts in the place of ours. `place` is a directory where anybody can make
//! files; root makes the links that the kernel may keep the stranger from making (`fs.protected_hardlinks`).

use crate::{Findings, STRANGER, USER, as_user, create_as, files, one_of, open_to_all};
use partage_core::inspect::Namespace;
use partage_reliability::calls;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// A file of the user that nobody else is to read or change, as large as a registry.
struct Decoy {
    path: PathBuf,
    before: (u32, u32, Vec<u8>),
}

impl Decoy {
    fn new(place: &Path) -> Decoy {
        let path = place.join("precious");
        let made = fs::write(&path, vec![7; 1 << 20])
            .and_then(|()| chown(&path, Some(USER), Some(USER)))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        if let Err(error) = made {
            eprintln!("{}: {error}", path.display());
        }
        let before = state(&path);
        Decoy { path, before }
    }

    fn look(&self) -> Findings {
        if state(&self.path) == self.before {
            Vec::new()
        } else {
            vec!["the file behind the link was changed".to_owned()]
        }
    }
}

fn state(path: &Path) -> (u32, u32, Vec<u8>) {
    let status = path.metadata();
    let (mode, uid) = status.map_or((0, 0), |status| (status.mode(), status.uid()));
    (mode, uid, fs::read(path).unwrap_or_default())
}

/// Gives a file another name.
type Link = fn(&Path, &Path) -> std::io::Result<()>;
const LINKS: [Link; 2] = [
    |old, new| symlink(old, new),
    |old, new| fs::hard_link(old, new),
];

/// In the place of what is there already.
fn plant(place: &Path, put: impl FnOnce(&Path) -> std::io::Result<()>) -> Findings {
    let _ = fs::remove_file(place);
    put(place)
        .err()
        .map(|error| format!("cannot plant {}: {error}", place.display()))
        .into_iter()
        .collect()
}

/// All calls on segments, by the user; whatever they answer.
fn use_everything(place: &Path) -> Findings {
    as_user(USER, place, || {
        if let Ok(id) = calls::get(libc::IPC_PRIVATE, 8192, 0o600) {
            use_segment(id);
        }
        Vec::new()
    })
}

fn use_segment(id: i32) {
    let attached = calls::attach(id, 0);
    if let Ok(address) = attached {
        // SAFETY: the attachment was made just now and has 8192 bytes; what is behind it the caller looks at.
        unsafe { std::ptr::write_bytes(address as *mut u8, 9, 8192) };
    }
    let _ = calls::set_mode(id, 0o666);
    let _ = calls::control(id, 11);
    let _ = attached.and_then(calls::detach);
    let _ = calls::remove(id);
}

pub(crate) fn directory(parent: &Path) -> Findings {
    let mut findings = Findings::new();
    for mode in [0o711, 0o777, 0o1777] {
        let place = parent.join(format!("namespace-{mode:o}"));
        let made = fs::create_dir(&place)
            .and_then(|()| chown(&place, Some(STRANGER), Some(STRANGER)))
            .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(mode)));
        findings.extend(made.err().map(|error| error.to_string()));
        for user in [0, USER] {
            findings.extend(one_of("shmget", create_as(user, &place), &[libc::ENOSYS]));
        }
        findings.extend(
            files(&place, "")
                .iter()
                .map(|path| format!("made: {}", path.display())),
        );
    }
    // A file is no directory.
    let place = parent.join("file");
    findings.extend(plant(&place, |place| fs::write(place, "")));
    findings.extend(one_of("shmget", create_as(USER, &place), &[libc::ENOSYS]));
    findings
}

pub(crate) fn linked_directory(parent: &Path) -> Findings {
    let (victim, place) = (parent.join("victim"), parent.join("namespace"));
    let made = fs::create_dir(&victim)
        .and_then(|()| chown(&victim, Some(USER), Some(USER)))
        .and_then(|()| symlink(&victim, &place));
    let mut findings: Findings = made
        .err()
        .map(|error| error.to_string())
        .into_iter()
        .collect();
    for user in [0, USER] {
        findings.extend(one_of("shmget", create_as(user, &place), &[libc::ENOSYS]));
    }
    findings.extend(
        files(&victim, "")
            .iter()
            .map(|path| format!("made behind the link: {}", path.display())),
    );
    findings
}

pub(crate) fn linked_registry(place: &Path) -> Findings {
    let decoy = Decoy::new(place);
    let mut findings = plant(&place.join("registry"), |registry| {
        symlink(&decoy.path, registry)
    });
    findings.extend(one_of("shmget", create_as(USER, place), &[libc::ENOSYS]));
    findings.extend(decoy.look());
    findings
}

pub(crate) fn hard_linked_registry(place: &Path) -> Findings {
    let decoy = Decoy::new(place);
    let mut findings = plant(&place.join("registry"), |registry| {
        fs::hard_link(&decoy.path, registry)
    });
    findings.extend(one_of("shmget", create_as(USER, place), &[libc::ENOSYS]));
    findings.extend(decoy.look());
    findings
}

/// A member knows its name, and may put something there in a directory without a sticky bit. Nobody new gets a lock there
/// from then on, but in the next file.
pub(crate) fn lock_file(place: &Path) -> Findings {
    let decoy = Decoy::new(place);
    let mut findings = Findings::new();
    for link in LINKS {
        findings.extend(one_of("shmget", create_as(USER, place), &[0]));
        let Some(lock_file) = files(place, "members-").pop() else {
            return vec!["no lock file".to_owned()];
        };
        findings.extend(plant(&lock_file, |path| link(&decoy.path, path)));
        findings.extend(one_of("shmget", create_as(USER, place), &[0]));
        findings.extend(use_everything(place));
    }
    findings.extend(decoy.look());
    findings
}

/// Files are numbered: with the registry's number, which its members know, the name of the next one can be foretold.
pub(crate) fn next_segment(place: &Path) -> Findings {
    let decoy = Decoy::new(place);
    let mut findings = one_of("shmget", create_as(USER, place), &[0]);
    let [first] = &files(place, "segment-")[..] else {
        return vec![format!("names are others: {:?}", files(place, "segment-"))];
    };
    let path = first.to_string_lossy();
    let Some(stem) = path.strip_suffix("-1") else {
        return vec![format!("the first one is called {path}")];
    };
    let next = |number: u32| PathBuf::from(format!("{stem}-{:x}", 2 + number));
    findings.extend(plant(&next(0), |path| symlink(&decoy.path, path)));
    findings.extend(plant(&next(1), |path| fs::hard_link(&decoy.path, path)));
    findings.extend(plant(&next(2), |path| fs::write(path, "squatted")));
    findings.extend(plant(&next(3), |path| fs::create_dir(path)));
    findings.extend(one_of("shmget", create_as(USER, place), &[0]));
    // None of these was taken: this is the first name that was free, or nothing was tried.
    findings.extend((!next(4).is_file()).then(|| format!("not made: {}", next(4).display())));
    findings.extend(use_everything(place));
    findings.extend(decoy.look());
    if fs::read(next(2)).is_ok_and(|bytes| bytes != b"squatted") {
        findings.push("the file of another was changed".to_owned());
    }
    findings
}

/// What has the name of a segment's file may be another's.
pub(crate) fn segment(place: &Path) -> Findings {
    let decoy = Decoy::new(place);
    let mut findings = Findings::new();
    for link in LINKS {
        findings.extend(as_user(USER, place, || {
            calls::get(libc::IPC_PRIVATE, 8192, 0o600)
                .err()
                .map(|errno| format!("shmget: errno {errno}"))
                .into_iter()
                .collect()
        }));
        let Some(&id) = partage_reliability::examine::segments(place).last() else {
            return vec!["no segment".to_owned()];
        };
        let Some(file) = file_of(place, id) else {
            return vec!["no file".to_owned()];
        };
        findings.extend(plant(&file, |path| link(&decoy.path, path)));
        findings.extend(as_user(USER, place, || {
            let attached = calls::attach(id, 0)
                .map(|_| 0)
                .unwrap_or_else(|errno| errno);
            let findings = one_of("shmat", attached, &[libc::EIDRM]);
            use_segment(id);
            findings
        }));
        findings.extend(decoy.look());
        let _ = fs::remove_file(&file);
    }
    findings
}

fn file_of(place: &Path, id: i32) -> Option<PathBuf> {
    let namespace = Namespace::open(place.as_os_str().as_bytes()).ok()?;
    let mut file = None;
    namespace.each_slot(|_, segment| {
        if segment.shmid as i32 == id {
            file = Some(namespace.with_file(segment, |path| {
                PathBuf::from(std::ffi::OsStr::from_bytes(path))
            }));
        }
    });
    file
}

/// Kept by the stranger, so that it lives on or changes its mode with ours.
pub(crate) fn second_name(parent: &Path) -> Findings {
    // In a namespace of the user's own, where the stranger can reach the file by its name only.
    let place = parent.join("namespace");
    let mut findings = one_of("shmget", create_as(USER, &place), &[0]);
    let Some(file) = files(&place, "segment-").pop() else {
        return vec!["no file".to_owned()];
    };
    let kept = parent.join("kept");
    findings.extend(plant(&kept, |kept| fs::hard_link(&file, kept)));
    let mode = |path: &Path| path.metadata().map_or(0, |status| status.mode() & 0o777);
    findings.extend(as_user(USER, &place, || {
        let Some(&id) = partage_reliability::examine::segments(&place).last() else {
            return vec!["no segment".to_owned()];
        };
        let works = || -> calls::Result<()> {
            let address = calls::attach(id, 0)?;
            calls::set_mode(id, 0o666)?;
            calls::detach(address)?;
            calls::remove(id)
        };
        works()
            .err()
            .map(|errno| format!("a call fails: errno {errno}"))
            .into_iter()
            .collect()
    }));
    if mode(&kept) != 0o640 {
        findings.push(format!(
            "rights were given through the second name: {:o}",
            mode(&kept)
        ));
    }
    if !files(&place, "segment-").is_empty() {
        findings.push("the file has kept its name".to_owned());
    }
    findings.extend(as_user(STRANGER, &place, || {
        fs::read(&kept)
            .is_ok()
            .then(|| "the stranger reads it".to_owned())
            .into_iter()
            .collect()
    }));
    findings
}

pub(crate) fn linked_posix(place: &Path) -> Findings {
    let victim = place.join("home");
    let mut findings = Findings::new();
    let made = fs::create_dir(&victim)
        .and_then(|()| chown(&victim, Some(USER), Some(USER)))
        .and_then(|()| fs::write(victim.join("letter"), "precious"))
        .and_then(|()| chown(victim.join("letter"), Some(USER), Some(USER)))
        .and_then(|()| symlink(&victim, place.join("posix")));
    findings.extend(made.err().map(|error| error.to_string()));
    findings.extend(as_user(USER, place, || {
        let answer = |result: calls::Result<()>| result.err().unwrap_or(0);
        let mut findings = one_of(
            "shm_open",
            answer(calls::make_object(c"/object")),
            &[libc::ENOTDIR],
        );
        findings.extend(one_of(
            "shm_unlink",
            answer(calls::unlink_object(c"/letter")),
            &[libc::ENOTDIR],
        ));
        findings
    }));
    if files(&victim, "") != [victim.join("letter")] {
        findings.push(format!("behind the link: {:?}", files(&victim, "")));
    }
    findings
}

/// It works, though at any time the stranger could put a link there: it is opened before what is in it.
pub(crate) fn strangers_posix(place: &Path) -> Findings {
    let mut findings = as_user(STRANGER, place, || {
        calls::make_object(c"/strangers")
            .err()
            .map(|errno| format!("errno {errno}"))
            .into_iter()
            .collect()
    });
    findings.extend(as_user(USER, place, || {
        // SAFETY: C strings and plain numbers; the descriptors are closed below.
        let [lowest, object] = unsafe {
            let lowest = libc::dup(0);
            libc::close(lowest);
            let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
            [lowest, libc::shm_open(c"/object".as_ptr(), flags, 0o600)]
        };
        let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| {
            entries
                .flatten()
                .filter_map(|entry| fs::read_link(entry.path()).ok())
                .filter(|path| path.starts_with(place))
                .count()
        });
        let mut findings = one_of("shm_open", object, &[lowest]);
        findings.extend(one_of("descriptors open", open as i32, &[1]));
        let removed = |name| calls::unlink_object(name).err().unwrap_or(0);
        findings.extend(one_of("shm_unlink", removed(c"/object"), &[0]));
        findings.extend(one_of(
            "shm_unlink of the stranger's",
            removed(c"/strangers"),
            &[libc::EACCES],
        ));
        findings
    }));
    findings
}

/// Where the file system has no nameless files, a registry begins under a name of its own: nobody can foretell it, and
/// what lies there by such a name is left alone.
pub(crate) fn temporary_names(parent: &Path) -> Findings {
    let decoy = Decoy::new(parent);
    let place = parent.join("namespace");
    let mut findings: Findings = open_to_all(&place)
        .err()
        .map(|error| error.to_string())
        .into_iter()
        .collect();
    for number in 0..16 {
        findings.extend(plant(&place.join(format!("registry.{number:x}")), |path| {
            symlink(&decoy.path, path)
        }));
    }
    findings.extend(one_of("shmget", create_as(USER, &place), &[0]));
    if files(&place, "registry.").len() != 16 {
        findings.push("what was planted is gone".to_owned());
    }
    findings.extend(decoy.look());
    findings
}
