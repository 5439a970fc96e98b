//! Loyalty: points for what a verified member spends, levels by points, and the history of levels reached.

/// A step of the programme; the place in [`LEVELS`], counted from 1, is its rank.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    pub name: &'static str,
    pub points_from: u64,
    /// What the points stand for, in hundredths of a krona.
    pub spend_from: i64,
}

/// From the lowest to the highest.
pub const LEVELS: [Level; 4] = [
    Level { name: "bronze", points_from: 0, spend_from: 0 },
    Level { name: "silver", points_from: 100, spend_from: 100_000 },
    Level { name: "gold", points_from: 300, spend_from: 300_000 },
    Level { name: "platinum", points_from: 1000, spend_from: 1_000_000 },
];

/// A member reached a level at an instant (microseconds since 1970 UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    pub member: u32,
    pub at: i64,
    /// Place in [`LEVELS`].
    pub level: usize,
}

/// The place in [`LEVELS`] of the highest level that `points` reach.
pub fn level_of(points: u64) -> usize {
    LEVELS.iter().rposition(|level| points >= level.points_from).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_starts_at_its_points() {
        assert_eq!(LEVELS[level_of(0)].name, "bronze");
        assert_eq!(LEVELS[level_of(99)].name, "bronze");
        assert_eq!(LEVELS[level_of(100)].name, "silver");
        assert_eq!(LEVELS[level_of(1_000_000)].name, "platinum");
    }
}
