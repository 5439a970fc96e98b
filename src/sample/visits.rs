//! When and where receipts are made: the calendar of every store, divided into months.

use std::ops::Range;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::chance::{Chance, Stream, Weights};
use super::stores::STORES;

/// Someone comes to a till.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    /// Microseconds since 1970 UTC.
    pub at: i64,
    /// Place in `STORES`.
    pub store: usize,
    /// Business day, counted from 1970-01-01.
    pub day: i32,
    /// Local hour, counted from the midnight before the business day, so it may exceed 23.
    pub hour: u32,
}

/// The business days of one calendar month, as far as the history reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// `2026-11`
    pub name: String,
    pub days: Range<i32>,
}

/// How many visits each store has on each day. Always adds up to the number asked for.
#[derive(Debug)]
pub struct Visits {
    history: Range<i32>,
    /// Day by day, store by store.
    counts: Vec<u64>,
    chance: Chance,
}

impl Visits {
    /// Spreads `total` visits over the business days `history`.
    pub fn new(total: u32, history: &Range<i32>, seed: u64) -> Self {
        let mut chance = Chance::new(seed, Stream::Visits);
        let mut weights = Vec::with_capacity(history.len() * STORES.len());
        for day in history.clone() {
            let date = date_of(day);
            for store in &STORES {
                let since_opening = day - (history.start + store.opened);
                let busyness =
                    if since_opening < 0 { 0 } else { store.busyness(date.weekday(), date.month(), date.day()) };
                // A new store fills over its first half year; the chain grows by a quarter over the history.
                let ripeness = since_opening.clamp(30, 180) as u64;
                let growth = 100 + 25 * (day - history.start) as u64 / history.len().max(1) as u64;
                let weather = 80 + chance.below(41);
                weights.push(busyness / 100 * ripeness * growth * weather / 1000);
            }
        }
        let counts = weights.into_iter().collect::<Weights>().divide(u64::from(total));
        Self { history: history.clone(), counts, chance }
    }

    /// The visits of a month, in order of time. Months are asked for in their order.
    pub fn of_month(&mut self, month: &Month) -> Vec<Visit> {
        let mut visits = Vec::new();
        for day in month.days.clone() {
            let date = date_of(day);
            for (store, facts) in STORES.iter().enumerate() {
                let count = self.counts[(day - self.history.start) as usize * STORES.len() + store];
                let hours: Weights = facts.hours(date.weekday()).iter().copied().collect();
                for _ in 0..count {
                    let hour = hours.pick(&mut self.chance).unwrap_or(12) as u32;
                    let second = self.chance.below(3600) as i64;
                    let local = date.and_time(chrono::NaiveTime::MIN)
                        + Duration::hours(i64::from(hour))
                        + Duration::seconds(second);
                    let later = self.chance.per_mille(500);
                    let at = instant(local, facts.market.time_zone(), later).timestamp_micros();
                    visits.push(Visit { at, store, day, hour });
                }
            }
        }
        visits.sort_unstable();
        visits
    }
}

/// The months that the business days fall into.
pub fn months(history: &Range<i32>) -> Vec<Month> {
    let mut months: Vec<Month> = Vec::new();
    for day in history.clone() {
        let name = date_of(day).format("%Y-%m").to_string();
        match months.last_mut() {
            Some(month) if month.name == name => month.days.end = day + 1,
            _ => months.push(Month { name, days: day..day + 1 }),
        }
    }
    months
}

/// The date of a day counted from 1970-01-01.
pub fn date_of(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or_default()
}

/// The instant of a local time. An hour that occurs twice is read as its first or its second occurrence; one that
/// does not occur moves forward with the clock.
fn instant(local: NaiveDateTime, zone: Tz, later: bool) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at.to_utc(),
        LocalResult::Ambiguous(first, second) => if later { second } else { first }.to_utc(),
        LocalResult::None => {
            let before = local - Duration::hours(3);
            zone.from_local_datetime(&before).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
                + Duration::hours(3)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        text.parse::<NaiveDate>().expect("a date").to_epoch_days()
    }

    fn at(local: &str, later: bool) -> String {
        instant(local.parse().expect("a local time"), Tz::Europe__Stockholm, later).to_rfc3339()
    }

    #[test]
    fn local_times_become_the_instants_postgresql_gives() {
        assert_eq!(at("2026-07-01T12:00:00", false), "2026-07-01T10:00:00+00:00");
        assert_eq!(at("2026-10-25T02:30:00", false), "2026-10-25T00:30:00+00:00");
        assert_eq!(at("2026-10-25T02:30:00", true), "2026-10-25T01:30:00+00:00");
        assert_eq!(at("2026-03-29T02:30:00", false), "2026-03-29T01:30:00+00:00");
    }

    #[test]
    fn months_cover_the_history_once() {
        let history = day("2026-01-30")..day("2026-03-03");
        let months = months(&history);
        let names: Vec<_> = months.iter().map(|month| month.name.as_str()).collect();
        assert_eq!(names, ["2026-01", "2026-02", "2026-03"]);
        assert_eq!(months.iter().map(|month| month.days.len()).collect::<Vec<_>>(), [2, 28, 2]);
    }

    #[test]
    fn visits_add_up_and_stand_in_order() {
        let history = day("2026-02-01")..day("2026-05-01");
        let mut visits = Visits::new(5000, &history, 11);
        let mut all = Vec::new();
        for month in months(&history) {
            let of_month = visits.of_month(&month);
            assert!(of_month.is_sorted());
            all.extend(of_month);
        }
        assert_eq!(all.len(), 5000);
    }
}
