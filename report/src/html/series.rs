//! How a number changed over time, in so many points that a picture can show.

/// Most points.
const MOST: usize = 4096;

/// Points of time and value; where there are too many, the largest of its neighbours stands for a stretch.
#[derive(Debug, Default)]
pub(super) struct Series {
    points: Vec<(u64, u64)>,
    /// How many values one point stands for.
    stride: usize,
    pending: usize,
}

impl Series {
    /// The value at a time; times do not go back.
    pub(super) fn add(&mut self, time: u64, value: u64) {
        let stride = self.stride.max(1);
        match self.points.last_mut() {
            Some((_, last)) if *last == value => return,
            Some((_, last)) if self.pending < stride && self.pending > 0 => {
                *last = value.max(*last);
                self.pending = (self.pending + 1) % stride;
            }
            _ => {
                self.points.push((time, value));
                self.pending = 1 % stride;
            }
        }
        if self.points.len() > MOST {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let (pairs, rest) = self.points.as_chunks::<2>();
        let largest = |[(time, one), (_, other)]: &[(u64, u64); 2]| (*time, *one.max(other));
        let halved: Vec<(u64, u64)> = pairs
            .iter()
            .map(largest)
            .chain(rest.iter().copied())
            .collect();
        self.points = halved;
        self.stride = self.stride.max(1) * 2;
        self.pending = 0;
    }

    /// The points, and the last value at the end.
    pub(super) fn finish(mut self, end: u64, last: u64) -> Vec<(u64, u64)> {
        self.points.push((end, last));
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_become_few_and_keep_the_peak() {
        let mut series = Series::default();
        for time in 0..1_000_000 {
            let peak = if time == 654_321 { 1000 } else { 0 };
            series.add(time, time % 7 + peak);
        }
        let points = series.finish(1_000_000, 0);
        assert!(points.len() <= MOST + 1, "{}", points.len());
        assert!(points.is_sorted_by_key(|(time, _)| *time));
        assert!(points.iter().any(|(_, value)| *value >= 1000));
        assert_eq!(points.last(), Some(&(1_000_000, 0)));
    }
}
