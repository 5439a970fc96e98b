//! Where members stand among all: scores from 1 to 5 (best), `ceil(5 * cume_dist())`, so that equal members have equal scores.
//!
//! The population are the members of their relation with a purchase. A score is no more than `s` of whom so few are as low
//! or lower; so four bounds tell all of them, and nothing is sorted.

use std::ops::Range;

use super::columns::MemberIndex;
use super::question::{Part, Use};
use super::tally::Tally;
use super::threads::on_all_threads;

/// The bounds between scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scores {
    by: Part,
    /// Whoever is not below the bound of a score has a higher one; `None` where nobody has.
    bounds: [Option<i128>; 4],
}

/// Members that are added up at once.
const MEMBERS_AT_ONCE: u32 = 32_768;

impl MemberIndex {
    /// The bounds of scores by a part of a use, which must count purchases too.
    pub fn scores(&self, one: &Use, by: Part) -> Scores {
        let ranges = (0..self.members().div_ceil(MEMBERS_AT_ONCE)).map(|number| {
            let from = number * MEMBERS_AT_ONCE;
            from..(from + MEMBERS_AT_ONCE).min(self.members())
        });
        let values = |range: Range<u32>| -> Vec<i128> {
            let (tally, _) = self.tally(one, range.clone());
            let is_among = |row: &usize| self.is_in_population(&tally, range.start, *row);
            (0..range.len()).filter(is_among).map(|row| value(&tally, by, row)).collect()
        };
        let mut values = on_all_threads(ranges.collect(), values).concat();
        Scores { by, bounds: [1, 2, 3, 4].map(|score| bound(&mut values, score)) }
    }

    /// The scores of members of whom this was added up, from this one on; `None` of those beyond the population.
    pub fn scored(&self, scores: &Scores, tally: &Tally, first: u32) -> Vec<Option<i16>> {
        let score = |row: usize| {
            let value = self.is_in_population(tally, first, row).then(|| value(tally, scores.by, row))?;
            Some(
                1 + scores.bounds.iter().map(|bound| i16::from(bound.is_some_and(|bound| value >= bound))).sum::<i16>(),
            )
        };
        (0..tally.count.len()).map(score).collect()
    }

    fn is_in_population(&self, tally: &Tally, first: u32, row: usize) -> bool {
        tally.count[row] > 0 && self.is_known[first as usize + row]
    }
}

fn value(tally: &Tally, by: Part, row: usize) -> i128 {
    match by {
        Part::VisitDays => i128::from(tally.visit_days[row]),
        Part::FirstDay => i128::from(tally.first_day[row]),
        Part::LastDay => i128::from(tally.last_day[row]),
        Part::Amount => tally.amount[row],
        Part::Quantity => tally.quantity[row],
        Part::Count | Part::Least | Part::Most => i128::from(tally.count[row]),
    }
}

/// The least value whose score is more than this one.
fn bound(values: &mut [i128], score: usize) -> Option<i128> {
    let all = values.len();
    // As the engine has it, so that both round alike.
    let score_of = |as_low: usize| (5.0 * (as_low as f64 / all as f64)).ceil();
    // How many may be as low.
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if score_of(middle) <= score as f64 { low = middle } else { high = middle - 1 }
    }
    (low < all).then(|| *values.select_nth_unstable(low).1)
}
