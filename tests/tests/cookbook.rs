//! Every task of `docs/cookbook.md`, run as it is written there, as a user without privileges, in namespaces and a `/dev/shm` of
//! its own. A ```` ```sh ```` block is run; the ```` ```text ```` block behind it is what it prints, where `…` stands for anything. A comment
//! that begins with `before` sets the scene. Needs the right to make namespaces.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use partage_tests::artefacts::{Artefacts, artefacts};
use partage_tests::postgresql;
use partage_tests::process::run_bounded;

const BOUND: Duration = Duration::from_secs(240);
const NOBODY: &str = "65534";

/// A script, and what it prints if that is told.
struct Step {
    script: String,
    printed: Option<String>,
}

struct Task {
    title: String,
    steps: Vec<Step>,
}

fn tasks(text: &str) -> Vec<Task> {
    let sections = text.split("\n## ").skip(1);
    let tasks = sections.map(|section| {
        let (title, body) = section.split_once('\n').unwrap();
        let title = title.to_owned();
        Task {
            title,
            steps: steps(body),
        }
    });
    tasks.collect()
}

fn steps(body: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        let end = match line {
            "<!-- before" => "-->",
            "```sh" | "```text" => "```",
            _ => continue,
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
        let block = block.join("\n") + "\n";
        match (line, steps.last_mut()) {
            ("```text", Some(step)) => step.printed = Some(block),
            _ => steps.push(Step {
                script: block,
                printed: None,
            }),
        }
    }
    steps
}

/// Whether `text` is `pattern`, where `…` stands for anything, lines included.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.trim().split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.trim().strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A directory that anybody can use, with the command and what it preloads in it.
fn scene(built: &Artefacts, number: usize) -> PathBuf {
    let scene =
        std::env::temp_dir().join(format!("partage-cookbook-{}-{number}", std::process::id()));
    let programs = scene.join("programs");
    fs::create_dir_all(&programs).unwrap();
    for entry in fs::read_dir(&built.release).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "partage" || name.starts_with("libpartage") && !name.ends_with(".d") {
            fs::copy(&path, programs.join(name)).unwrap();
            fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let home = scene.join("home");
    fs::create_dir(&home).unwrap();
    for (path, mode) in [(&scene, 0o755), (&programs, 0o755), (&home, 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    scene
}

/// One shell for all steps of a task, so that variables and functions last; what step N prints is in the file N.
fn script(task: &Task) -> String {
    let mut script = String::from("mkfifo pause; exec 9<>pause\n");
    for (number, step) in task.steps.iter().enumerate() {
        script += &format!("{{\n{}}} >{number} 2>&1\n", step.script);
    }
    script
}

/// What went otherwise than written.
fn run(built: &Artefacts, number: usize, task: &Task, programs: &Path) -> Vec<String> {
    let scene = scene(built, number);
    let home = scene.join("home");
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        scene.join("programs").display(),
        programs.display()
    );
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .args([
            "sh",
            "-c",
            "mount -t tmpfs -o mode=1777 none /dev/shm && exec \"$@\"",
            "sh",
        ])
        .args([
            "setpriv",
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
        ])
        .args(["sh", "-eu", "-c", &script(task)])
        .current_dir(&home)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("PARTAGE_LIBRARIES", scene.join("programs"));
    let ended = run_bounded(&mut command, &scene.join("log"), BOUND).unwrap();
    let printed =
        |number: usize| fs::read_to_string(home.join(number.to_string())).unwrap_or_default();
    let all: String = (0..task.steps.len()).map(printed).collect();
    let mut wrong = Vec::new();
    if ended.code() != Some(0) {
        wrong.push(format!(
            "{}: ended with {:?}:\n{}{all}",
            task.title,
            ended.code(),
            ended.output
        ));
    }
    for (number, step) in task.steps.iter().enumerate() {
        let said = printed(number);
        if let Some(expected) = step
            .printed
            .as_ref()
            .filter(|expected| !fits(expected, &said))
        {
            wrong.push(format!(
                "{}: expected\n{expected}and got\n{said}",
                task.title
            ));
        }
    }
    fs::remove_dir_all(scene).unwrap();
    wrong
}

#[test]
fn every_task_goes_as_written() {
    let built = artefacts().unwrap();
    let text = fs::read_to_string(built.root.join("docs/cookbook.md")).unwrap();
    let tasks = tasks(&text);
    assert!(tasks.len() >= 10, "{} tasks", tasks.len());
    let mut wrong = Vec::new();
    let wanted = std::env::var("COOKBOOK").unwrap_or_default();
    for (number, task) in tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| task.title.contains(&wanted))
    {
        let needs_postgresql = task.steps.iter().any(|step| step.script.contains("initdb"));
        let programs = match postgresql::programs() {
            Some(programs) => programs,
            None if needs_postgresql => {
                let all = std::env::var_os("PARTAGE_TEST_ALL").is_some();
                assert!(!all, "{} is missing", postgresql::MISSING);
                continue;
            }
            None => PathBuf::new(),
        };
        wrong.extend(run(built, number, task, &programs));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn patterns() {
    assert!(fits("a…b\n", "a and\nb"));
    assert!(fits("same", "same\n"));
    assert!(!fits("same", "same and more"));
    assert!(!fits("…x…", "y"));
    assert!(!fits("a…", "b"));
}
