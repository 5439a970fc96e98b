//! When an audience is refreshed by itself: `hourly`, `daily 06:00`, `weekly mon 06:00`, `monthly 1 06:00`.
//!
//! Times are those of the head office's clock. What was missed (the server was down, a refresh failed) is due once, not
//! once for each time.

use std::fmt;

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday,
};
use regulars_udfs::zone::{self, Zone};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At the full hour.
    Hourly,
    Daily(NaiveTime),
    Weekly(Weekday, NaiveTime),
    /// On this day of the month, or its last when it is shorter.
    Monthly(u8, NaiveTime),
}

impl Schedule {
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["hourly"] => Some(Self::Hourly),
            ["daily", at] => Some(Self::Daily(time(at)?)),
            ["weekly", day, at] => Some(Self::Weekly(day.parse().ok()?, time(at)?)),
            ["monthly", day, at] => {
                let day: u8 = day.parse().ok()?;
                (1..=31).contains(&day).then_some(())?;
                Some(Self::Monthly(day, time(at)?))
            }
            _ => None,
        }
    }

    /// The last time at or before `now` at which a refresh was to begin.
    pub fn last_before(self, now: DateTime<Utc>, head_office: &Zone) -> Option<DateTime<Utc>> {
        let local = zone::local_of(now.timestamp_micros(), head_office);
        let local = DateTime::from_timestamp_micros(local)?.naive_utc();
        let today = local.date();
        match self {
            // Hours are counted in UTC: zones whose hours begin elsewhere have no other full hours that people expect.
            Self::Hourly => now.with_minute(0)?.with_second(0)?.with_nanosecond(0),
            // One that is not yet, the one before it is.
            Self::Daily(at) => latest([today, today.pred_opt()?], at, now, head_office),
            Self::Weekly(weekday, at) => {
                let back = local.weekday().days_since(weekday);
                let this = today.checked_sub_days(Days::new(back.into()))?;
                latest([this, this.checked_sub_days(Days::new(7))?], at, now, head_office)
            }
            Self::Monthly(day, at) => {
                let this = day_of_month(today, day)?;
                let before = day_of_month(today.with_day(1)?.checked_sub_months(Months::new(1))?, day)?;
                latest([this, before], at, now, head_office)
            }
        }
    }

    /// The first time after `now` at which a refresh is to begin.
    pub fn next_after(self, now: DateTime<Utc>, head_office: &Zone) -> Option<DateTime<Utc>> {
        let local = zone::local_of(now.timestamp_micros(), head_office);
        let today = DateTime::from_timestamp_micros(local)?.date_naive();
        let (days, at) = match self {
            Self::Hourly => return self.last_before(now, head_office)?.checked_add_signed(TimeDelta::hours(1)),
            Self::Daily(at) => ([today, today.succ_opt()?], at),
            Self::Weekly(weekday, at) => {
                let this = today.checked_add_days(Days::new(weekday.days_since(today.weekday()).into()))?;
                ([this, this.checked_add_days(Days::new(7))?], at)
            }
            Self::Monthly(day, at) => {
                let next = today.with_day(1)?.checked_add_months(Months::new(1))?;
                ([day_of_month(today, day)?, day_of_month(next, day)?], at)
            }
        };
        days.into_iter().filter_map(|day| instant(day.and_time(at), head_office)).find(|due| *due > now)
    }

    /// Whether a list that was last refreshed then (or made then, and never refreshed) is to be refreshed now.
    pub fn is_due(self, last: DateTime<Utc>, now: DateTime<Utc>, head_office: &Zone) -> bool {
        self.last_before(now, head_office).is_some_and(|due| last < due)
    }
}

/// The first of these days whose time has come.
fn latest(days: [NaiveDate; 2], at: NaiveTime, now: DateTime<Utc>, head_office: &Zone) -> Option<DateTime<Utc>> {
    days.into_iter().filter_map(|day| instant(day.and_time(at), head_office)).find(|due| *due <= now)
}

/// A time that the clock skips is the one after the gap; of one that it shows twice, the first.
fn instant(local: NaiveDateTime, head_office: &Zone) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(zone::instant_of(local.and_utc().timestamp_micros(), head_office))
}

fn day_of_month(month: NaiveDate, day: u8) -> Option<NaiveDate> {
    let first = month.with_day(1)?;
    let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
    first.with_day(u32::from(day).min(last.day()))
}

fn time(text: &str) -> Option<NaiveTime> {
    let (hours, minutes) = text.split_once(':')?;
    NaiveTime::from_hms_opt(hours.parse().ok()?, minutes.parse().ok().filter(|_| minutes.len() == 2)?, 0)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hourly => f.write_str("hourly"),
            Self::Daily(at) => write!(f, "daily {}", at.format("%H:%M")),
            Self::Weekly(day, at) => write!(f, "weekly {} {}", day.to_string().to_lowercase(), at.format("%H:%M")),
            Self::Monthly(day, at) => write!(f, "monthly {day} {}", at.format("%H:%M")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stockholm() -> Zone {
        zone::parse("Europe/Stockholm").unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn last(schedule: &str, now: &str) -> String {
        let last = Schedule::parse(schedule).unwrap().last_before(at(now), &stockholm()).unwrap();
        last.format("%Y-%m-%dT%H:%MZ").to_string()
    }

    /// By hand, from Stockholm's clock: UTC+1, in summer UTC+2.
    #[test]
    fn times_are_those_of_the_head_office() {
        for (schedule, now, expected) in [
            ("daily 06:00", "2026-11-20T05:00:00Z", "2026-11-20T05:00Z"),
            ("daily 06:00", "2026-11-20T04:59:59Z", "2026-11-19T05:00Z"),
            ("daily 06:00", "2026-07-20T04:00:00Z", "2026-07-20T04:00Z"),
            // 02:30 is skipped on 2026-03-29: an hour later than written.
            ("daily 02:30", "2026-03-29T12:00:00Z", "2026-03-29T01:30Z"),
            ("weekly mon 06:00", "2026-11-20T12:00:00Z", "2026-11-16T05:00Z"),
            ("weekly fri 14:00", "2026-11-20T12:00:00Z", "2026-11-13T13:00Z"),
            ("monthly 31 06:00", "2026-11-20T12:00:00Z", "2026-10-31T05:00Z"),
            ("monthly 31 06:00", "2026-12-01T00:00:00Z", "2026-11-30T05:00Z"),
            ("hourly", "2026-11-20T12:34:56Z", "2026-11-20T12:00Z"),
        ] {
            assert_eq!(last(schedule, now), expected, "{schedule} at {now}");
        }
    }

    #[test]
    fn the_next_time_is_behind_now() {
        for (schedule, now, expected) in [
            ("daily 06:00", "2026-11-20T04:59:59Z", "2026-11-20T05:00Z"),
            ("daily 06:00", "2026-11-20T05:00:00Z", "2026-11-21T05:00Z"),
            ("weekly fri 14:00", "2026-11-20T12:59:00Z", "2026-11-20T13:00Z"),
            ("weekly fri 14:00", "2026-11-20T13:00:00Z", "2026-11-27T13:00Z"),
            ("monthly 31 06:00", "2026-11-30T12:00:00Z", "2026-12-31T05:00Z"),
            ("hourly", "2026-11-20T12:34:56Z", "2026-11-20T13:00Z"),
        ] {
            let next = Schedule::parse(schedule).unwrap().next_after(at(now), &stockholm()).unwrap();
            assert_eq!(next.format("%Y-%m-%dT%H:%MZ").to_string(), expected, "{schedule} at {now}");
        }
    }

    #[test]
    fn what_was_missed_is_due_once() {
        let daily = Schedule::parse("daily 06:00").unwrap();
        let now = at("2026-11-20T12:00:00Z");
        assert!(daily.is_due(at("2026-11-10T05:00:00Z"), now, &stockholm()));
        assert!(!daily.is_due(at("2026-11-20T05:00:00Z"), now, &stockholm()));
    }

    #[test]
    fn what_is_no_schedule_is_none() {
        for text in ["", "daily", "daily 24:00", "daily 6", "weekly 06:00", "monthly 32 06:00", "every minute"] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
        assert_eq!(Schedule::parse(" Weekly  Monday 6:05").unwrap().to_string(), "weekly mon 06:05");
    }
}
