//! A namespace on a disk, after the machine was started again.

use crate::{Findings, first_call, mount, names, same, with_namespace, works};
use partage_reliability::{calls, examine};
use std::path::Path;
use std::process::Command;

const KEY: i32 = 0x626f;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// ext4 in a file; or, without a loop device, the disk that the directory lies on.
fn disk(place: &Path) -> Result<(), String> {
    let image = place.join("image");
    let made = std::fs::File::create(&image).and_then(|file| file.set_len(16 << 20));
    made.map_err(|error| error.to_string())?;
    for (program, arguments) in [("mkfs.ext4", &["-q", "-F"][..]), ("mount", &["-o", "loop"])] {
        let mut command = Command::new(program);
        command.args(arguments).arg(&image).env_remove("LD_PRELOAD");
        if program == "mount" {
            command.arg(place);
        }
        let output = command
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "{program}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ));
        }
    }
    Ok(())
}

/// From here on, the processes of this mount namespace are in another boot.
fn start_again(place: &Path, number: u32) -> std::io::Result<()> {
    let file = place.join(format!("boot-{number}"));
    std::fs::write(&file, format!("{number:08x}-1111-4222-8333-444444444444\n"))?;
    mount(
        &file.to_string_lossy(),
        Path::new(BOOT_ID),
        "",
        libc::MS_BIND,
        "",
    )
}

fn make(key: i32) -> calls::Result<i32> {
    calls::get(key, 8192, libc::IPC_CREAT | 0o600)
}

pub(crate) fn another(place: &Path) -> Findings {
    if let Err(reason) = disk(place) {
        println!(
            "another boot: no loop device, on the disk of {} instead: {reason}",
            place.display()
        );
        let is_memory = Command::new("stat")
            .args(["-f", "-c", "%T"])
            .arg(place)
            .output();
        if is_memory.is_ok_and(|output| output.stdout.starts_with(b"tmpfs")) {
            return vec![format!("{}no disk: {reason}", crate::SKIPPED)];
        }
    }
    let namespace = place.join("namespace");
    let mut findings = same("the first call", first_call(&namespace), Ok(()));
    // A process that dies with the machine leaves attachments, removed segments and a file half-made.
    findings.extend(with_namespace(&namespace, || {
        let kept = make(KEY).and_then(|id| calls::attach(id, 0));
        let removed = calls::get(libc::IPC_PRIVATE, 8192, 0o600)
            .and_then(|id| calls::attach(id, 0).map(|_| id));
        same("before", kept.and(removed.and_then(calls::remove)), Ok(()))
    }));
    let _ = std::fs::write(namespace.join("registry.0123456789abcdef"), "half-made");
    let _ = std::fs::write(namespace.join("precious"), "not ours");
    // In the same boot all is there.
    findings.extend(with_namespace(&namespace, || {
        same("in the same boot", calls::get(KEY, 0, 0).is_ok(), true)
    }));
    if let Err(error) = start_again(place, 1) {
        return vec![format!("{}another boot id: {error}", crate::SKIPPED)];
    }
    findings.extend(same(
        "for looking",
        partage_core::inspect::Namespace::open(namespace.as_os_str().as_encoded_bytes()).err(),
        Some(partage_core::Errno::ESRCH),
    ));
    findings.extend(with_namespace(&namespace, || {
        same("in another boot", calls::get(KEY, 0, 0), Err(libc::ENOENT))
    }));
    findings.extend(same(
        "left",
        names(&namespace),
        vec!["precious".to_owned(), "registry".to_owned()],
    ));
    let _ = std::fs::remove_file(namespace.join("precious"));
    findings.extend(works(&namespace));
    findings.extend(many_at_once(place, &namespace));
    findings.extend(works(&namespace));
    findings
}

/// Many processes find a registry of another boot at the same time: one begins it afresh, all use that.
fn many_at_once(place: &Path, namespace: &Path) -> Findings {
    let mut findings = Findings::new();
    for number in 2..12 {
        if let Err(error) = start_again(place, number) {
            return vec![error.to_string()];
        }
        let children: Vec<i32> = (0..8)
            .map(|_| {
                // SAFETY: this program has one thread; the child makes its calls and ends.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    // SAFETY: as above.
                    unsafe { std::env::set_var("PARTAGE_DIR", namespace) };
                    let code = make(KEY)
                        .and_then(|id| calls::attach(id, 0))
                        .map_or_else(|errno| errno, |_| 0);
                    // SAFETY: ends the process at once.
                    unsafe { libc::_exit(code) };
                }
                pid
            })
            .collect();
        for pid in children {
            let mut status = 0;
            // SAFETY: the process is a child of ours that nobody has waited for.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            findings.extend(same("one of many", status, 0));
        }
        findings.extend(same(
            "segments of many",
            examine::segments(namespace).len(),
            1,
        ));
        findings.extend(with_namespace(namespace, || {
            let removed = calls::get(KEY, 0, 0).and_then(|id| {
                let nattch = calls::stat(id)?.shm_nattch;
                calls::remove(id).map(|()| nattch)
            });
            same("nattch after all of them", removed, Ok(0))
        }));
    }
    findings
}
