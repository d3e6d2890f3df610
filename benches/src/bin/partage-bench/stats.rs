//! Many batches, and what to say of them.

/// One number for each batch, in the order in which they ran.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Series(pub(crate) Vec<f64>);

impl Series {
    /// What is left when nothing else ran.
    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The value that so great a part of all is below.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted
            .get((last as f64 * part).round() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Batch by batch, how many times `base` this is: both ran one after the other, under the same load.
    pub(crate) fn ratios_to(&self, base: &Series) -> Series {
        Series(
            self.0
                .iter()
                .zip(&base.0)
                .map(|(this, base)| this / base)
                .collect(),
        )
    }
}
