//! Whether figures grow: a straight line through them, by least squares.

/// A slope has to be so many times its standard error. Two would do for independent figures; those of one process a few seconds apart
/// are not, which makes the error look smaller than it is.
const SURE: f64 = 4.0;

/// A straight line through figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trend {
    /// The mean of the figures.
    pub mean: f64,
    /// By how much the line goes up from the first to the last.
    pub growth: f64,
    /// How many standard errors that is.
    pub sureness: f64,
}

impl Trend {
    /// Whether this is a leak: no chance, and more than `floor`. With many figures the smallest drift is no chance, so both are asked.
    pub fn grows(&self, floor: f64) -> bool {
        self.sureness > SURE && self.growth > floor
    }
}

/// The line through these points, which are in the order of their first coordinates.
pub fn trend(points: &[(f64, f64)]) -> Trend {
    let count = points.len() as f64;
    let mean_of = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count.max(1.0);
    let (middle, mean) = (mean_of(|point| point.0), mean_of(|point| point.1));
    let spread: f64 = points.iter().map(|(at, _)| (at - middle).powi(2)).sum();
    if points.len() < 3 || spread == 0.0 {
        return Trend { mean, ..Trend::default() };
    }
    let slope = points.iter().map(|(at, value)| (at - middle) * (value - mean)).sum::<f64>() / spread;
    let rest = |(at, value): &(f64, f64)| (value - mean - slope * (at - middle)).powi(2);
    let error = (points.iter().map(rest).sum::<f64>() / (count - 2.0) / spread).sqrt();
    let span = points[points.len() - 1].0 - points[0].0;
    // A perfect line has no error at all, and a perfectly flat one no slope either.
    let sureness = if slope == 0.0 { 0.0 } else { slope / error.max(f64::MIN_POSITIVE) };
    Trend { mean, growth: slope * span, sureness }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(slope: f64) -> Trend {
        let noise = [0.3, -0.2, 0.5, -0.4, 0.1, -0.3, 0.2, -0.1];
        let points: Vec<_> = (0..64)
            .map(|at| (f64::from(at), 50.0 + slope * f64::from(at) + noise[at as usize % 8]))
            .collect();
        trend(&points)
    }

    #[test]
    fn a_leak_under_noise_is_found_and_noise_alone_is_none() {
        assert!(noisy(0.2).grows(4.0), "{:?}", noisy(0.2));
        assert!(!noisy(0.0).grows(0.0), "{:?}", noisy(0.0));
        assert!(!noisy(-0.2).grows(0.0), "what shrinks is no leak");
        assert!(!noisy(0.02).grows(4.0), "sure, but small: {:?}", noisy(0.02));
        assert!((noisy(0.2).growth - 12.6).abs() < 0.5);
    }

    #[test]
    fn too_few_figures_and_equal_ones_show_nothing() {
        assert!(!trend(&[]).grows(0.0) && !trend(&[(1.0, 1.0), (2.0, 9.0)]).grows(0.0));
        assert!(!trend(&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)]).grows(0.0));
    }
}
