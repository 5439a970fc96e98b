//! Loyalty levels: an ordered table, so that "at least silver" is a comparison of ranks and never of names.

use crate::refusal::Refusal;

/// One level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Level {
    /// Compared exactly, as PostgreSQL compares text.
    pub name: String,
    /// Higher is better.
    pub rank: i32,
    /// The whole points from which a member has this level; `None` for a level that points do not give.
    pub points_from: Option<i64>,
}

/// Levels in the order of their ranks; none is possible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Levels {
    levels: Vec<Level>,
}

impl Levels {
    /// Takes levels in any order.
    ///
    /// Errors: 22023 when two levels share a name or a rank, or a higher level needs no more points than a lower one.
    pub fn new(mut levels: Vec<Level>) -> Result<Self, Refusal> {
        levels.sort_by_key(|level| level.rank);
        for pair in levels.windows(2) {
            if pair[0].rank == pair[1].rank {
                return Err(Refusal::parameter(format!(
                    "loyalty levels \"{}\" and \"{}\" have the same rank",
                    pair[0].name, pair[1].name
                ))
                .with_hint("Give each level a rank of its own."));
            }
        }
        for (at, level) in levels.iter().enumerate() {
            if levels[..at].iter().any(|lower| lower.name == level.name) {
                return Err(Refusal::parameter(format!("loyalty level \"{}\" is defined twice", level.name)));
            }
        }
        let by_points: Vec<&Level> = levels.iter().filter(|level| level.points_from.is_some()).collect();
        for pair in by_points.windows(2) {
            if pair[0].points_from >= pair[1].points_from {
                return Err(Refusal::parameter(format!(
                    "loyalty level \"{}\" needs no more points than the lower level \"{}\"",
                    pair[1].name, pair[0].name
                )));
            }
        }
        Ok(Self { levels })
    }

    /// The rank of a level; `None` for a name that is not in the table.
    pub fn rank_of(&self, name: &str) -> Option<i32> {
        self.levels.iter().find(|level| level.name == name).map(|level| level.rank)
    }

    /// As [`Levels::rank_of`], for a name that somebody wrote. Errors: 22023 with the known names in the hint.
    pub fn parse(&self, name: &str) -> Result<i32, Refusal> {
        self.rank_of(name).ok_or_else(|| self.unknown(name))
    }

    /// The levels, lowest rank first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Level> {
        self.levels.iter()
    }

    /// Levels that points give with the points they begin at, lowest first.
    pub(crate) fn by_points(&self) -> impl Iterator<Item = (i64, &str)> {
        self.levels.iter().filter_map(|level| Some((level.points_from?, level.name.as_str())))
    }

    fn unknown(&self, name: &str) -> Refusal {
        let refusal = Refusal::parameter(format!("loyalty level \"{name}\" does not exist"));
        if self.levels.is_empty() {
            return refusal.with_detail("No loyalty levels are defined.");
        }
        let known: Vec<String> = self.levels.iter().map(|level| format!("'{}'", level.name)).collect();
        refusal.with_hint(format!("The levels, lowest first: {}.", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(name: &str, rank: i32, points_from: Option<i64>) -> Level {
        Level { name: name.to_owned(), rank, points_from }
    }

    #[test]
    fn order_is_of_rank() {
        let levels =
            Levels::new(vec![level("gold", 3, Some(2000)), level("bronze", 1, Some(0)), level("staff", 9, None)])
                .unwrap();
        assert_eq!(levels.iter().map(|level| level.name.as_str()).collect::<Vec<_>>(), ["bronze", "gold", "staff"]);
        assert_eq!(levels.rank_of("gold"), Some(3));
        assert_eq!(levels.rank_of("Gold"), None);
        assert_eq!(levels.by_points().collect::<Vec<_>>(), [(0, "bronze"), (2000, "gold")]);
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let levels = Levels::new(vec![level("gold", 3, None), level("bronze", 1, None)]).unwrap();
        let refusal = levels.parse("platinum").unwrap_err();
        assert_eq!(
            (refusal.sqlstate, refusal.message.as_str()),
            ("22023", "loyalty level \"platinum\" does not exist")
        );
        assert_eq!(refusal.hint.as_deref(), Some("The levels, lowest first: 'bronze', 'gold'."));
        assert_eq!(Levels::default().parse("x").unwrap_err().detail.as_deref(), Some("No loyalty levels are defined."));
    }

    #[test]
    fn tables_without_an_order_are_refused() {
        for wrong in [
            vec![level("a", 1, None), level("b", 1, None)],
            vec![level("a", 1, None), level("a", 2, None)],
            vec![level("a", 1, Some(10)), level("b", 2, None), level("c", 3, Some(10))],
        ] {
            assert_eq!(Levels::new(wrong).unwrap_err().sqlstate, "22023");
        }
    }
}
