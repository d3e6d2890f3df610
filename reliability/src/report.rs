//! Figures and findings of one run.

use std::process::ExitCode;

/// What went wrong, up to so many of a run.
const SHOWN: usize = 25;

/// Collects findings; what it prints at the end is the run's result.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<String>,
}

impl Report {
    /// Notes a finding, and prints it at once.
    pub fn finding(&mut self, text: String) {
        if self.findings.len() < SHOWN {
            eprintln!("FINDING {text}");
        }
        self.findings.push(text);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.findings.len()
    }

    /// Prints the figures; the exit code says whether there were findings.
    #[must_use]
    pub fn end(&self, harness: &str, figures: &str) -> ExitCode {
        println!("{harness}: {figures}, {} findings", self.findings.len());
        if self.findings.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
