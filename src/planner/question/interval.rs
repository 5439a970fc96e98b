//! Confidence intervals of a difference between two independent groups.
//!
//! Shares: Newcombe's hybrid score interval without continuity correction (method 10 of R. G. Newcombe, "Interval
//! estimation for the difference between independent proportions", Statistics in Medicine 17, 1998), which holds for small
//! groups and for shares near 0. Means: Welch's interval (B. L. Welch, Biometrika 34, 1947), which does not take the spread
//! of both groups for the same.

/// Standard normal quantile of 0.975: both intervals are of 95 %.
const Z: f64 = 1.959_963_984_540_054;
/// With fewer degrees of freedom the expansion of Student's t is not near enough, and no interval of use.
const FREEDOM_MIN: f64 = 3.0;

/// Where the true difference lies, with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// One share less another, `part` of `whole` each; `None` of an empty group.
pub fn of_shares(one: (u64, u64), other: (u64, u64)) -> Option<Interval> {
    let ((p1, w1), (p2, w2)) = (wilson(one)?, wilson(other)?);
    let difference = p1 - p2;
    Some(Interval {
        low: difference - ((p1 - w1.low).powi(2) + (w2.high - p2).powi(2)).sqrt(),
        high: difference + ((w1.high - p1).powi(2) + (p2 - w2.low).powi(2)).sqrt(),
    })
}

/// A share and its Wilson interval.
fn wilson((part, whole): (u64, u64)) -> Option<(f64, Interval)> {
    if whole == 0 {
        return None;
    }
    let (part, whole) = (part as f64, whole as f64);
    let share = part / whole;
    let z2 = Z * Z;
    let middle = 2.0 * part + z2;
    let spread = Z * (z2 + 4.0 * part * (1.0 - share)).sqrt();
    let below = 2.0 * (whole + z2);
    Some((share, Interval { low: (middle - spread) / below, high: (middle + spread) / below }))
}

/// A group's size, mean, and variance (with n − 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub size: u64,
    pub mean: f64,
    /// `None` for fewer than two.
    pub variance: Option<f64>,
}

/// One mean less another; `None` where a group is too small to tell.
pub fn of_means(one: Sample, other: Sample) -> Option<Interval> {
    let error = |sample: Sample| Some(sample.variance? / sample.size as f64);
    let (e1, e2) = (error(one)?, error(other)?);
    let difference = one.mean - other.mean;
    let squared = e1 + e2;
    if squared == 0.0 {
        return Some(Interval { low: difference, high: difference });
    }
    let part = |error: f64, sample: Sample| error * error / (sample.size as f64 - 1.0);
    let freedom = squared * squared / (part(e1, one) + part(e2, other));
    let reach = student(freedom)? * squared.sqrt();
    Some(Interval { low: difference - reach, high: difference + reach })
}

/// Student's t of 0.975, by the expansion in Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
fn student(freedom: f64) -> Option<f64> {
    if freedom < FREEDOM_MIN {
        return None;
    }
    let z = Z;
    let g1 = (z.powi(3) + z) / 4.0;
    let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    let g4 = (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z) / 92_160.0;
    Some(z + g1 / freedom + g2 / freedom.powi(2) + g3 / freedom.powi(3) + g4 / freedom.powi(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(one: f64, other: f64, by: f64) -> bool {
        (one - other).abs() < by
    }

    /// Table II of Newcombe's paper, method 10.
    #[test]
    fn shares_are_those_of_newcombe() {
        for (one, other, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ] {
            let interval = of_shares(one, other).unwrap();
            assert!(is_near(interval.low, low, 5e-5) && is_near(interval.high, high, 5e-5), "{one:?} {interval:?}");
        }
        assert_eq!(of_shares((0, 0), (1, 2)), None);
    }

    /// The usual table of Student's t, 0.975.
    #[test]
    fn student_is_that_of_the_tables() {
        for (freedom, expected) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            assert!(is_near(student(freedom).unwrap(), expected, 5e-3), "{freedom}");
        }
        assert_eq!(student(2.0), None);
    }

    /// By hand: means 5 and 2, variances 10 of 10 and 5 of 5, so a standard error of √2 and (1 + 1)² / (1/9 + 1/4) = 144/13
    /// degrees of freedom, of which the table has 2.201 for 11.
    #[test]
    fn means_are_those_of_welch() {
        let sample = |size, mean, variance| Sample { size, mean, variance: Some(variance) };
        let interval = of_means(sample(10, 5.0, 10.0), sample(5, 2.0, 5.0)).unwrap();
        let reach = student(144.0 / 13.0).unwrap() * 2.0_f64.sqrt();
        assert!(is_near(interval.low, 3.0 - reach, 1e-9) && is_near(interval.high, 3.0 + reach, 1e-9));
        assert!(is_near(reach, 3.11, 5e-3), "{reach}");
        let alone = Sample { size: 1, mean: 1.0, variance: None };
        assert_eq!(of_means(alone, sample(5, 2.0, 5.0)), None);
    }
}
