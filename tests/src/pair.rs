//! The two C programs of `examples/c`, run side by side.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `command(producer)` and, once it has made what it shares, `command(consumer)`. Both end by themselves: an alarm
/// ends a program that waits too long.
///
/// # Errors
/// What was not as the programs should have it, with what they said.
pub fn run_pair(command: impl Fn(&str) -> Command, log: &Path) -> Result<(), String> {
    converse(command, log).map_err(|why| {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        format!("{why}\n{said}")
    })
}

fn converse(command: impl Fn(&str) -> Command, log: &Path) -> io::Result<()> {
    let errors = File::create(log)?;
    let mut producer = command("producer")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone()?)
        .spawn()?;
    let pipes = producer.stdout.take().zip(producer.stdin.take());
    let (stdout, mut stdin) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
    let mut produced = BufReader::new(stdout);
    let mut made = String::new();
    produced.read_line(&mut made)?;
    let mut consumer = command("consumer")
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()?;
    let mut said = String::new();
    produced.read_line(&mut said)?;
    stdin.write_all(b"\n")?;
    let mut consumed = String::new();
    if let Some(mut output) = consumer.stdout.take() {
        output.read_to_string(&mut consumed)?;
    }
    produced.read_to_string(&mut said)?;
    let ended = producer.wait()?.success() && consumer.wait()?.success();
    let sum = made.trim().rsplit(' ').next().unwrap_or("none");
    let same_picture = consumed.contains(&format!("a picture with the sum {sum}"));
    if ended && same_picture && said == "delivered\nremoved\n" && consumed.contains("line 3 of 3") {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "producer: {made}{said}consumer: {consumed}"
    )))
}
