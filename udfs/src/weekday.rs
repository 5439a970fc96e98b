//! Weekdays: the ISO number of a date's weekday, and sets of weekdays as people write them.

use std::fmt;

use crate::refusal::Refusal;

/// The ISO weekday of a date (days since 1970-01-01): 1 is Monday, 7 is Sunday.
pub fn iso_weekday_of(days: i32) -> u8 {
    // 1970-01-01 was a Thursday. The remainder is below 7.
    ((i64::from(days) + 3).rem_euclid(7) + 1) as u8
}

const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Some days of the week; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeekdaySet {
    /// Bit 0 is Monday, bit 6 is Sunday.
    days: u8,
}

impl WeekdaySet {
    /// Reads names (three letters or in full), ranges that may wrap (`fri-mon`), `weekdays` and `weekend`, separated by
    /// commas, in any case, with spaces around them.
    ///
    /// Errors: 22023 for anything else, the empty text included; the hint shows what is accepted.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut days = 0;
        for item in text.split(',') {
            days |= bits_of(item).ok_or_else(|| refusal(text, item))?;
        }
        Ok(Self { days })
    }

    /// The set of these ISO weekdays; `None` for none, and for a number that is not one from 1 to 7.
    pub fn of(iso_weekdays: impl IntoIterator<Item = u8>) -> Option<Self> {
        let bit = |day: u8| (1..=7).contains(&day).then(|| 1 << (day - 1));
        let days = iso_weekdays.into_iter().try_fold(0, |days, day| Some(days | bit(day)?))?;
        (days != 0).then_some(Self { days })
    }

    /// Whether an ISO weekday (1 to 7) is in the set.
    pub fn contains(self, iso_weekday: u8) -> bool {
        (1..=7).contains(&iso_weekday) && self.days & 1 << (iso_weekday - 1) != 0
    }

    /// Whether a date (days since 1970-01-01) falls on one of the days.
    pub fn contains_date(self, days: i32) -> bool {
        self.contains(iso_weekday_of(days))
    }
}

impl std::str::FromStr for WeekdaySet {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::parse(text)
    }
}

/// The days by their short names, Monday first: a text that [`WeekdaySet::parse`] reads back.
impl fmt::Display for WeekdaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, day) in NAMES.iter().zip(1..) {
            if self.contains(day) {
                write!(f, "{separator}{}", &name[..3])?;
                separator = ",";
            }
        }
        Ok(())
    }
}

fn bits_of(item: &str) -> Option<u8> {
    let item = item.trim().to_ascii_lowercase();
    match item.as_str() {
        "weekdays" => return Some(0b001_1111),
        "weekend" => return Some(0b110_0000),
        _ => {}
    }
    let Some((first, last)) = item.split_once('-') else {
        return Some(1 << index_of(&item)?);
    };
    let (first, last) = (index_of(first.trim_end())?, index_of(last.trim_start())?);
    let length = (last + 7 - first) % 7;
    Some((0..=length).fold(0, |days, step| days | 1 << ((first + step) % 7)))
}

fn index_of(name: &str) -> Option<usize> {
    NAMES.iter().position(|full| *full == name || full[..3] == *name)
}

fn refusal(text: &str, item: &str) -> Refusal {
    let refusal = Refusal::parameter(format!("weekday set \"{text}\" is not valid")).with_hint(
        "Write days as 'mon' or 'monday', ranges as 'mon-thu' or 'fri-mon', 'weekdays' or 'weekend', separated by \
         commas.",
    );
    match item.trim() {
        "" => refusal.with_detail("A day is missing."),
        item => refusal.with_detail(format!("\"{item}\" is not a day or a range of days.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // 1970-01-01 Thursday, 1969-12-31 Wednesday, 2026-11-13 (day 20,770) Friday.
        assert_eq!([0, -1, 20_770].map(iso_weekday_of), [4, 3, 5]);
    }

    #[test]
    fn sets_as_people_write_them() {
        for (text, days) in [
            ("mon-thu,sat", "mon,tue,wed,thu,sat"),
            ("fri-mon", "mon,fri,sat,sun"),
            ("Sunday", "sun"),
            (" TUE , Wednesday - FRI ", "tue,wed,thu,fri"),
            ("weekdays", "mon,tue,wed,thu,fri"),
            ("Weekend,wed", "wed,sat,sun"),
            ("mon-sun", "mon,tue,wed,thu,fri,sat,sun"),
            ("tue-mon", "mon,tue,wed,thu,fri,sat,sun"),
            ("wed-wed", "wed"),
            ("mon,mon", "mon"),
        ] {
            let set = WeekdaySet::parse(text).unwrap();
            assert_eq!(set.to_string(), days, "{text:?}");
            assert_eq!(WeekdaySet::parse(days).unwrap(), set);
        }
    }

    #[test]
    fn every_range_holds_the_days_on_the_way() {
        for first in 1..=7u8 {
            for last in 1..=7u8 {
                let name = |day: u8| &NAMES[usize::from(day) - 1][..3];
                let set = WeekdaySet::parse(&format!("{}-{}", name(first), name(last))).unwrap();
                for day in 1..=7 {
                    let on_the_way =
                        if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last };
                    assert_eq!(set.contains(day), on_the_way, "{first}-{last}: {day}");
                }
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", " ", "mon,", ",mon", "mon,,tue", "m", "tues", "mon-", "-mon", "mon-tue-wed", "1", "mån", "everyday"]
        {
            let refusal = WeekdaySet::parse(text).unwrap_err();
            assert_eq!(refusal.sqlstate, "22023", "{text:?}");
            assert_eq!(refusal.message, format!("weekday set \"{text}\" is not valid"));
            assert!(refusal.hint.is_some_and(|hint| hint.contains("'mon-thu'")));
        }
    }
}
