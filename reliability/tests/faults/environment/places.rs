//! Directories that are missing, may not be written, or lie on a file system in layers.

use crate::{
    Findings, first_call, life_cycle, mount, mount_tmpfs, names, remount, same, with_namespace,
    works,
};
use partage_reliability::calls;
use partage_reliability::steady::in_child;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

const STRANGER: u32 = 54_322;

/// Without a namespace that is named: the next directory that can be had is it, for POSIX objects too.
pub(crate) fn no_dev_shm(place: &Path) -> Findings {
    // A new /dev has nothing in it.
    mount_tmpfs(Path::new("/dev"), "size=1m");
    let unnamed = |look: fn(&Path) -> Findings| {
        in_child(|| {
            // SAFETY: this program has one thread.
            unsafe {
                std::env::remove_var("PARTAGE_DIR");
                std::env::remove_var("XDG_RUNTIME_DIR");
                std::env::set_var("TMPDIR", place);
            }
            look(place)
        })
    };
    let mut findings = unnamed(|place| {
        let mut findings = same("counts", life_cycle(), Ok([2, 1, 0]));
        findings.extend(same("made", names(place), vec!["partage-0".to_owned()]));
        findings.extend(same("shm_open", calls::make_object(c"/object"), Ok(())));
        let objects = names(&place.join("partage-0/posix"));
        findings.extend(same("objects", objects, vec!["object".to_owned()]));
        findings.extend(same("shm_unlink", calls::unlink_object(c"/object"), Ok(())));
        findings
    });
    let _ = std::fs::remove_dir_all(place.join("partage-0"));
    // And nowhere else either.
    let tmp = Path::new("/tmp");
    let _ = mount("/tmp", tmp, "", libc::MS_BIND | libc::MS_REC, "");
    let read_only =
        |flag| mount("none", tmp, "", libc::MS_REMOUNT | libc::MS_BIND | flag, "").is_ok();
    if read_only(libc::MS_RDONLY) {
        findings.extend(unnamed(|_| {
            let made = calls::get(libc::IPC_PRIVATE, 1, 0o600);
            let mut findings = same("nowhere to be", made, Err(libc::ENOSYS));
            findings.extend(same(
                "shm_open",
                calls::make_object(c"/object"),
                Err(libc::EROFS),
            ));
            findings
        }));
        read_only(0);
    }
    findings.extend(unnamed(|_| same("counts", life_cycle(), Ok([2, 1, 0]))));
    findings
}

pub(crate) fn read_only(place: &Path) -> Findings {
    mount_tmpfs(place, "size=8m,mode=711");
    remount(place, libc::MS_RDONLY, "");
    let mut findings = same("without a registry", first_call(place), Err(libc::ENOSYS));
    remount(place, 0, "");
    findings.extend(works(place));
    remount(place, libc::MS_RDONLY, "");
    findings.extend(same(
        "with a registry",
        first_call(place),
        Err(libc::ENOSYS),
    ));
    remount(place, 0, "");
    findings.extend(works(place));
    findings
}

/// A user's own directory in which he may make nothing.
pub(crate) fn directory_without_write(place: &Path) -> Findings {
    let own = place.join("own");
    let allow = |mode| std::fs::set_permissions(&own, std::fs::Permissions::from_mode(mode));
    let made = std::fs::create_dir(&own)
        .and_then(|()| chown(&own, Some(STRANGER), Some(STRANGER)))
        .and_then(|()| allow(0o555));
    if let Err(error) = made {
        return vec![error.to_string()];
    }
    let as_user = |look: fn(&Path) -> Findings| {
        in_child(|| {
            // SAFETY: plain numbers.
            unsafe {
                libc::setgid(STRANGER);
                libc::setuid(STRANGER);
            }
            look(&own)
        })
    };
    let mut findings = as_user(|own| {
        let mut findings = same("shmget", first_call(own), Err(libc::ENOSYS));
        findings.extend(same("left", names(own), Vec::new()));
        findings
    });
    let _ = allow(0o755);
    findings.extend(as_user(works));
    findings
}

/// A file that is mapped there is not the one that is locked. A child may die at any of its instructions, its first too.
pub(crate) fn overlay(place: &Path) -> Findings {
    mount_tmpfs(place, "size=16m,mode=711");
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|name| {
        let path = place.join(name);
        let _ = std::fs::create_dir(&path);
        path
    });
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    if let Err(error) = mount("overlay", &merged, "overlay", 0, &options) {
        return vec![format!("{}overlayfs: {error}", crate::SKIPPED)];
    }
    let namespace = merged.join("namespace");
    let mut findings = same("the first call", first_call(&namespace), Ok(()));
    findings.extend(works(&namespace));
    findings.extend(children_of_any_age(&namespace));
    findings.extend(works(&namespace));
    // Descriptors that have to stay open do not reach programs that are executed.
    findings.extend(with_namespace(&namespace, || {
        let id = calls::get(libc::IPC_PRIVATE, 8192, 0o600);
        let attached = id.and_then(|id| calls::attach(id, 0));
        let listed = std::process::Command::new("ls")
            .args(["-l", "/proc/self/fd"])
            .env_remove("LD_PRELOAD")
            .output();
        let kept =
            listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains("members-"));
        // It is there in this process, or the check would say nothing.
        let descriptors = names(Path::new("/proc/self/fd")).into_iter();
        let here = descriptors
            .filter_map(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).ok())
            .any(|path| path.to_string_lossy().contains("members-"));
        let mut findings = same("attached", attached.is_ok(), true);
        findings.extend(same("a descriptor is kept", here, true));
        findings.extend(same("a descriptor reaches a program", kept, false));
        findings.extend(same("IPC_RMID", id.and_then(calls::remove), Ok(())));
        findings
    }));
    findings.extend(works(&namespace));
    findings
}

/// A child that dies counts no more, how far it ever came; and its place among the members is another's.
fn children_of_any_age(namespace: &Path) -> Findings {
    with_namespace(namespace, || {
        let counts = || -> calls::Result<Findings> {
            let id = calls::get(libc::IPC_PRIVATE, 8192, 0o600)?;
            let address = calls::attach(id, 0)?;
            let mut findings = Findings::new();
            for instructions in 0..300 {
                // SAFETY: this program has one thread; the child waits to be killed.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    loop {
                        // SAFETY: no arguments.
                        unsafe { libc::pause() };
                    }
                }
                for _ in 0..instructions * 10 {
                    std::hint::spin_loop();
                }
                // SAFETY: the process is a child of ours that nobody has waited for.
                unsafe {
                    libc::kill(child, libc::SIGKILL);
                    libc::waitpid(child, std::ptr::null_mut(), 0);
                }
                let nattch = calls::stat(id)?.shm_nattch;
                findings.extend(same("nattch after a child's death", nattch, 1));
            }
            calls::detach(address)?;
            calls::remove(id)?;
            Ok(findings)
        };
        counts().unwrap_or_else(|errno| vec![format!("a call fails: errno {errno}")])
    })
}
