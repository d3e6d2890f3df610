//! Programs of PHP, Ruby, node and Java, which name their own places.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Scratch, alone, traced, traced_alone};

/// Where a program is, if it runs there.
fn find(name: &str, ask: &[&str]) -> Option<PathBuf> {
    let Output { status, .. } = Command::new(name).args(ask).output().ok()?;
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|directory| directory.join(name));
    let found = places.find(|place| place.exists());
    if !status.success() || found.is_none() {
        println!("skipped: no {name}");
        return None;
    }
    found
}

/// The first finding of a report, without the directory of the sources: its places.
fn places(report: &str, scratch: &Scratch) -> Vec<String> {
    let directory = format!("{}/", scratch.0.display());
    let lines = report.lines().skip_while(|line| !line.contains("made "));
    let places = lines.skip(1).map_while(|line| line.strip_prefix("      "));
    places.map(|place| place.replace(&directory, "")).collect()
}

#[test]
fn a_php_program_reads_its_own_line() {
    let extension = "exit(extension_loaded('shmop') ? 0 : 1);";
    let Some(php) = find("php", &["-r", extension]) else {
        return;
    };
    let scratch = Scratch::new();
    let file = scratch.path("leak.php");
    let source = "<?php
function table($size) {
    return shmop_open(0, 'n', 0600, $size);
}
table(4096);
";
    fs::write(&file, source).unwrap();
    let ended = traced(&scratch, &["--leaks"], &php, &[file.to_str().unwrap()]);
    let report = &ended.output;
    remove(report);
    assert_eq!(ended.code(), Some(0), "{report}");
    assert_eq!(places(report, &scratch), ["leak.php:3"], "{report}");
}

/// Takes away the segment that a report names.
fn remove(report: &str) {
    let shmid = report.split("shmid ").nth(1).unwrap_or_default();
    let shmid = shmid.split(' ').next().unwrap_or_default();
    let _ = Command::new("ipcrm").args(["-m", shmid]).output();
}

/// A call without Ruby's lock has no line, and that is said: fiddle lets go of the lock unless told otherwise.
#[test]
fn a_ruby_program_reads_its_own_line() {
    let Some(ruby) = find("ruby", &["-rfiddle", "-e", "0"]) else {
        return;
    };
    let scratch = Scratch::new();
    let file = scratch.path("leak.rb");
    let source = "require 'fiddle'
int, size = Fiddle::TYPE_INT, Fiddle::TYPE_SIZE_T
shmget = Fiddle.dlopen('libc.so.6')['shmget']
SHMGET = Fiddle::Function.new(shmget, [int, size, int], int, need_gvl: ARGV.empty?)
def table(size)
  SHMGET.call(0, size, 01600)
end
table(4096)
";
    fs::write(&file, source).unwrap();
    let ended = traced(&scratch, &["--leaks"], &ruby, &[file.to_str().unwrap()]);
    remove(&ended.output);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let found = places(&ended.output, &scratch);
    assert_eq!(found, ["leak.rb:6"], "{}", ended.output);
    let args = [file.to_str().unwrap(), "unlocked"];
    let ended = traced(&scratch, &["--leaks"], &ruby, &args);
    remove(&ended.output);
    let found = places(&ended.output, &scratch);
    let said = "a line of Ruby that is not known: the call was made without Ruby's lock";
    assert_eq!(
        found.first().map(String::as_str),
        Some(said),
        "{}",
        ended.output
    );
}

/// Takes away the map of the code that the first process of a report has made.
fn remove_map(report: &str) {
    let pid = report.split(" pid ").nth(1).unwrap_or_default();
    let pid = pid.split(' ').next().unwrap_or_default();
    let _ = fs::remove_file(format!("/tmp/perf-{pid}.map"));
}

/// Names of objects that go when it is dropped.
struct Objects(String);

impl Objects {
    fn new(of: &str) -> Self {
        Objects(format!("partage-{of}-{}", std::process::id()))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        for number in 0..2 {
            let _ = fs::remove_file(format!("/dev/shm/{}-{number}", self.0));
        }
    }
}

#[test]
fn a_program_of_node_names_its_functions() {
    if find("node", &["--version"]).is_none() {
        return;
    }
    let (scratch, objects, _alone) = (Scratch::new(), Objects::new("node"), alone());
    let file = scratch.path("leak.js");
    let source = "const fs = require('fs');
function makeTable(number) {
    return fs.openSync(`/dev/shm/${process.argv[2]}-${number}`, 'w+');
}
for (let number = 0; number < 2; number++) makeTable(number);
";
    fs::write(&file, source).unwrap();
    let words = ["--leaks", "--jit-maps"];
    let directory = scratch.0.to_str().unwrap();
    let script = "cd \"$0\" && exec node \"$@\"";
    let args = ["-c", script, directory, file.to_str().unwrap(), &objects.0];
    let ended = traced_alone(&scratch, &words, Path::new("/bin/sh"), &args);
    remove_map(&ended.output);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let found = places(&ended.output, &scratch);
    // V8 says where a function begins.
    let wanted = ["makeTable at leak.js:2", "<anonymous> at leak.js:1"];
    assert_eq!(found, wanted, "{}", ended.output);
    // V8 would leave a log in the working directory, or write it on standard output.
    assert!(!ended.output.contains("MemoryChunk"), "{}", ended.output);
    let files = fs::read_dir(&scratch.0).unwrap().flatten();
    let mut names: Vec<_> = files.map(|file| file.file_name()).collect();
    names.sort();
    assert_eq!(names, ["leak.js", "log"]);
}

#[test]
fn a_program_of_java_names_its_methods() {
    if find("javac", &["-version"]).is_none() {
        return;
    }
    let Some(java) = find("java", &["-version"]) else {
        return;
    };
    let (scratch, objects, _alone) = (Scratch::new(), Objects::new("java"), alone());
    let file = scratch.path("Leak.java");
    let source = r#"import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
public class Leak {
    static Object makeTable(String name) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile("/dev/shm/" + name, "rw")) {
            return file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 4096);
        }
    }
    public static void main(String[] names) throws Exception {
        makeTable(names[0] + "-0");
        makeTable(names[0] + "-1");
    }
}
"#;
    fs::write(&file, source).unwrap();
    let compiled = Command::new("javac").arg(&file).status().unwrap();
    assert!(compiled.success());
    let directory = Path::new(&scratch.0).to_str().unwrap();
    let places_of = |words: &[&str], options: &[&str]| {
        let args = [options, &["-cp", directory, "Leak", &objects.0]].concat();
        let ended = traced_alone(&scratch, words, &java, &args);
        remove_map(&ended.output);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        assert!(
            ended.output.contains("2 objects never unlinked"),
            "{}",
            ended.output
        );
        places(&ended.output, &scratch)
    };
    // The virtual machine is asked, for what it interprets as well.
    let told = ["Leak.makeTable at Leak.java:5", "Leak.main at Leak.java:10"];
    assert_eq!(places_of(&["--leaks"], &["-Xint"]), told);
    for number in 0..2 {
        fs::remove_file(format!("/dev/shm/{}-{number}", objects.0)).unwrap();
    }
    // A map names only what is compiled.
    let compile = [
        "-Xcomp",
        "-XX:CompileOnly=Leak::makeTable,Leak::main",
        "-XX:-Inline",
    ];
    let found = places_of(&["--leaks", "--jit-maps", "--no-scripts"], &compile);
    let makes = found
        .iter()
        .any(|place| place == "java.lang.Object Leak.makeTable(java.lang.String)");
    assert!(makes, "{found:?}");
}
