//! Leaks that are not told: suppressions and baselines, read and written.

use super::Options;
use crate::failure::{Failure, USAGE};
use crate::name::shown;
use partage_report::Model;
use partage_report::findings;
use partage_report::style::Style;
use partage_report::suppress::{Baseline, Suppressions};
use partage_report::symbols::Symbols;
use partage_report::verdict::{Counting, Verdict};
use std::path::Path;

/// What the options say is not to be told.
#[derive(Default)]
pub(crate) struct Known {
    suppressions: Suppressions,
    baseline: Baseline,
}

/// Refuses names that no call has, and files that are not what they should be: before anything runs in vain.
pub(crate) fn check(options: &Options) -> Result<(), Failure> {
    options.check()?;
    Known::read(options).map(drop)
}

impl Known {
    /// Reads the files.
    pub(crate) fn read(options: &Options) -> Result<Self, Failure> {
        let mut known = Self::default();
        if let Some(path) = &options.suppressions {
            known.suppressions = Suppressions::parse(&read(path)?).map_err(|(line, why)| {
                let shown = shown(path);
                Failure::new(format_args!("{shown}, line {line}: {why}")).with_status(USAGE)
            })?;
        }
        if let Some(path) = &options.baseline {
            known.baseline = Baseline::parse(&read(path)?).map_err(|why| {
                Failure::new(format_args!("{}: {why}", shown(path))).with_status(USAGE)
            })?;
        }
        Ok(known)
    }

    /// Takes what is known out of a verdict; before that, writes all of it if that is wanted.
    pub(crate) fn pass_over(
        &self,
        options: &Options,
        verdict: &mut Verdict,
        model: &Model,
        symbols: &mut Symbols,
    ) -> Result<(), Failure> {
        if let Some(path) = &options.write_baseline {
            let manner = options.manner(Style::PLAIN);
            let all = findings::list(verdict, model, symbols, Counting::All, manner);
            std::fs::write(path, Baseline::text(&findings::signatures(&all)))
                .map_err(|why| Failure::io(format_args!("cannot write {}", shown(path)), why))?;
        }
        verdict.pass_over(model, symbols, &self.suppressions, &self.baseline);
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|why| Failure::io(format_args!("cannot read {}", shown(path)), why))
}
