//! Parts of the day by name: a table that holds every time of day exactly once.

use crate::refusal::Refusal;
use crate::time_of_day::{self, DAY_US};

/// One part of the day: `[from, to)` in microseconds since midnight; past midnight when `from > to`, the whole day when
/// equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayPart {
    pub name: String,
    pub from_us: i64,
    pub to_us: i64,
}

/// A table of day parts, total and without overlap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayParts {
    /// In order of `from_us`.
    parts: Vec<DayPart>,
}

impl DayParts {
    /// Takes parts in any order. `to_us` may be 24:00; names may repeat (two stretches of `quiet`).
    ///
    /// Errors: 22023 when there is no part, a time lies outside the day, or two parts overlap or leave a hole between
    /// them.
    pub fn new(mut parts: Vec<DayPart>) -> Result<Self, Refusal> {
        for part in &parts {
            if !(0..DAY_US).contains(&part.from_us) || !(0..=DAY_US).contains(&part.to_us) {
                return Err(Refusal::parameter(format!("day part \"{}\" is not within a day", part.name))
                    .with_hint("Write its times from 00:00 to 24:00."));
            }
        }
        parts.sort_by_key(|part| part.from_us);
        let Some(first) = parts.first() else {
            return Err(Refusal::parameter("a table of day parts needs at least one part"));
        };
        let following = parts.iter().skip(1).chain(std::iter::once(first));
        for (part, next) in parts.iter().zip(following) {
            if part.to_us % DAY_US != next.from_us {
                return Err(gap_or_overlap(part, next));
            }
        }
        Ok(Self { parts })
    }

    /// The name of the part that holds a time of day (microseconds since midnight; `24:00` counts as midnight).
    pub fn name_of(&self, time_us: i64) -> &str {
        let time_us = time_us.rem_euclid(DAY_US);
        let after = self.parts.partition_point(|part| part.from_us <= time_us);
        // Before the first beginning lies the end of the last part, which ran past midnight.
        let at = after.checked_sub(1).unwrap_or(self.parts.len() - 1);
        &self.parts[at].name
    }

    /// The parts, in the order in which they begin.
    pub fn iter(&self) -> impl Iterator<Item = &DayPart> {
        self.parts.iter()
    }
}

/// breakfast 05:00–11:00, lunch 11:00–14:00, afternoon 14:00–17:00, dinner 17:00–22:00, night 22:00–05:00.
impl Default for DayParts {
    fn default() -> Self {
        const TABLE: [(&str, i64, i64); 5] =
            [("breakfast", 5, 11), ("lunch", 11, 14), ("afternoon", 14, 17), ("dinner", 17, 22), ("night", 22, 5)];
        let hour_us = 3_600_000_000;
        let part = |(name, from, to): (&str, i64, i64)| DayPart {
            name: name.to_owned(),
            from_us: from * hour_us,
            to_us: to * hour_us,
        };
        Self { parts: TABLE.map(part).to_vec() }
    }
}

fn gap_or_overlap(part: &DayPart, next: &DayPart) -> Refusal {
    Refusal::parameter(format!("day parts \"{}\" and \"{}\" do not meet", part.name, next.name))
        .with_detail(format!(
            "\"{}\" ends at {}, \"{}\" begins at {}.",
            part.name,
            time_of_day::to_text(part.to_us),
            next.name,
            time_of_day::to_text(next.from_us)
        ))
        .with_hint("Let each part begin where the one before it ends, around the whole day.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, from: &str, to: &str) -> DayPart {
        let time = |text| time_of_day::parse(text).unwrap();
        DayPart { name: name.to_owned(), from_us: time(from), to_us: time(to) }
    }

    #[test]
    fn the_default_table_is_total() {
        let parts = DayParts::default();
        assert_eq!(DayParts::new(parts.iter().cloned().collect()), Ok(parts.clone()));
        for (time, name) in [
            ("00:00", "night"),
            ("04:59:59.999999", "night"),
            ("05:00", "breakfast"),
            ("11:00", "lunch"),
            ("14:00", "afternoon"),
            ("17:00", "dinner"),
            ("21:59", "dinner"),
            ("22:00", "night"),
            ("24:00", "night"),
        ] {
            assert_eq!(parts.name_of(time_of_day::parse(time).unwrap()), name, "{time}");
        }
    }

    #[test]
    fn users_tables_must_hold_each_time_once() {
        let two = DayParts::new(vec![part("late", "12:00", "24:00"), part("early", "00:00", "12:00")]).unwrap();
        assert_eq!(two.name_of(0), "early");
        assert_eq!(DayParts::new(vec![part("all", "09:00", "09:00")]).unwrap().name_of(0), "all");
        for wrong in [
            vec![],
            vec![part("a", "00:00", "12:00")],
            vec![part("a", "00:00", "12:00"), part("b", "13:00", "24:00")],
            vec![part("a", "00:00", "13:00"), part("b", "12:00", "24:00")],
            vec![part("a", "00:00", "12:00"), part("b", "00:00", "24:00")],
        ] {
            assert_eq!(DayParts::new(wrong).unwrap_err().sqlstate, "22023");
        }
    }
}
