//! Counts of values between equal steps, as `numpy.histogram` makes them.

/// Steps between the least value and the greatest.
const BINS: usize = 60;

#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// One more than there are counts.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}

impl Histogram {
    /// A histogram for values from `least` to `greatest`. If these are equal, it reaches half a unit to each side.
    pub fn between(least: f64, greatest: f64) -> Self {
        let (first, last) = match least == greatest {
            true => (least - 0.5, greatest + 0.5),
            false => (least, greatest),
        };
        let step = (last - first) / BINS as f64;
        let mut edges: Vec<f64> = (0..BINS).map(|bin| first + bin as f64 * step).collect();
        edges.push(last);
        Self {
            edges,
            counts: vec![0; BINS],
        }
    }

    /// Counts the finite ones among values.
    pub fn add(&mut self, values: &[f64]) {
        let (first, last) = (self.edges[0], self.edges[BINS]);
        for &value in values.iter().filter(|value| value.is_finite()) {
            let place = (value - first) / (last - first) * BINS as f64;
            let mut bin = (place as usize).min(BINS - 1);
            // Rounding may have put a value beside its bin.
            if value < self.edges[bin] {
                bin -= 1;
            } else if bin + 1 < BINS && value >= self.edges[bin + 1] {
                bin += 1;
            }
            self.counts[bin] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_after_it_but_for_the_last() {
        let mut found = Histogram::between(0.0, 60.0);
        found.add(&[0.0, 0.5, 1.0, 59.0, 60.0, f64::NAN]);
        assert_eq!(
            (found.counts[0], found.counts[1], found.counts[59]),
            (2, 1, 2)
        );
        assert_eq!(found.counts.iter().sum::<u64>(), 5);
        let mut same = Histogram::between(3.0, 3.0);
        same.add(&[3.0, 3.0]);
        assert_eq!(
            (same.edges[0], same.edges[60], same.counts[30]),
            (2.5, 3.5, 2)
        );
    }
}
