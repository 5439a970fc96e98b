//! `to_char` of moments and intervals.

use std::fmt::Write;

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::OffsetName;

use super::super::datum::Datum;
use super::moment::{DAYS, Field, Letters, MONTHS, Part, Pattern, ROMAN_MONTHS, Styled};
use crate::error::{Error, message};
use crate::planner::dialect::Session;
use crate::wire::calendar::{Day, MICROS_PER_DAY, MICROS_PER_SECOND};

/// Days from 4714-11-24 BC, where Julian days begin, to 1970-01-01.
const JULIAN_OF_1970: i64 = 2_440_588;

/// A value as its fields.
pub struct Shown {
    /// As astronomers count; of an interval, its whole years.
    year: i64,
    /// 1–12; of an interval, 0–11 with its sign.
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Days since 1970; `None` of an interval.
    days: Option<i64>,
    /// Of an instant: the zone's abbreviation, and seconds east of Greenwich.
    zone: Option<(String, i64)>,
}

impl Shown {
    /// `None` for an infinite moment.
    pub fn of(value: &Datum<'_>, session: Session) -> Result<Option<Self>, Error> {
        Ok(match value {
            Datum::Interval(span) => Some(Self::of_interval(*span)),
            Datum::Timestamp(i64::MIN | i64::MAX) | Datum::Instant(i64::MIN | i64::MAX) => None,
            Datum::Timestamp(micros) => Some(Self::of_local(*micros, None)),
            Datum::Instant(micros) => {
                let local = session.local_of(*micros)?;
                let offset_seconds = (local - micros) / MICROS_PER_SECOND;
                let abbreviation = DateTime::from_timestamp_micros(*micros)
                    .map(|at| session.text.time_zone.offset_from_utc_datetime(&at.naive_utc()))
                    .map(|offset| offset.abbreviation().map_or_else(|| offset.fix().to_string(), str::to_owned));
                Some(Self::of_local(local, Some((abbreviation.unwrap_or_default(), offset_seconds))))
            }
            other => return Err(message::internal(format!("{other:?} has no fields"))),
        })
    }

    fn of_local(micros: i64, zone: Option<(String, i64)>) -> Self {
        let days = micros.div_euclid(MICROS_PER_DAY);
        let Day { year, month, day } = Day::from_days(days);
        let time = Self::of_time(micros.rem_euclid(MICROS_PER_DAY));
        Self { year, month: month.into(), day: day.into(), days: Some(days), zone, ..time }
    }

    fn of_interval(span: IntervalMonthDayNano) -> Self {
        let (months, days) = (i64::from(span.months), i64::from(span.days));
        Self { year: months / 12, month: months % 12, day: days, ..Self::of_time(span.nanoseconds / 1_000) }
    }

    fn of_time(micros: i64) -> Self {
        let seconds = micros / MICROS_PER_SECOND;
        Self {
            year: 0,
            month: 0,
            day: 0,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: micros % MICROS_PER_SECOND,
            days: None,
            zone: None,
        }
    }

    /// The number of years without an era: the year 1 BC is 1.
    fn shown_year(&self, year: i64) -> i64 {
        if self.days.is_some() && year <= 0 { 1 - year } else { year }
    }

    fn day_of_year(&self) -> i64 {
        match self.days {
            Some(days) => days - first_of_year(self.year) + 1,
            // An interval's year has 360 days.
            None => (self.year * 12 + self.month) * 30 + self.day,
        }
    }
}

/// Days since 1970 of the first of January.
pub fn first_of_year(year: i64) -> i64 {
    Day { year, month: 1, day: 1 }.to_days().unwrap_or(0)
}

/// 0 is Sunday.
pub fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// The Monday on which the ISO weeks of a year begin: that of the week with the fourth of January.
pub fn first_iso_monday(year: i64) -> i64 {
    let fourth = first_of_year(year) + 3;
    fourth - (weekday(fourth) + 6) % 7
}

/// Year, week and day (both from 1) of the ISO calendar.
fn iso(days: i64, year: i64) -> (i64, i64, i64) {
    let iso_year = [year + 1, year].into_iter().find(|year| days >= first_iso_monday(*year)).unwrap_or(year - 1);
    let day_of_year = days - first_iso_monday(iso_year);
    (iso_year, day_of_year / 7 + 1, day_of_year + 1)
}

/// Errors: 22007 for a field of the calendar that an interval does not have.
pub fn written(pattern: &Pattern, shown: &Shown) -> Result<String, Error> {
    let mut out = String::new();
    for part in &pattern.parts {
        match part {
            Part::Quoted(text) => out.push_str(text),
            Part::Char(char) => out.push(*char),
            Part::Field(styled) => field(&mut out, styled, shown)?,
        }
    }
    Ok(out)
}

fn field(out: &mut String, styled: &Styled, shown: &Shown) -> Result<(), Error> {
    let days = || shown.days.ok_or_else(message::pattern_not_of_interval);
    let number = match styled.field {
        Field::Era(points) => {
            let word = match (shown.year <= 0 && shown.days.is_some(), points) {
                (true, true) => "B.C.",
                (true, false) => "BC",
                (false, true) => "A.D.",
                (false, false) => "AD",
            };
            days()?;
            out.push_str(&cased(word, styled.letters));
            return Ok(());
        }
        Field::Half(points) => {
            let word = match (shown.hour.rem_euclid(24) >= 12, points) {
                (true, true) => "P.M.",
                (true, false) => "PM",
                (false, true) => "A.M.",
                (false, false) => "AM",
            };
            out.push_str(&cased(word, styled.letters));
            return Ok(());
        }
        Field::DayName | Field::DayAbbreviated => {
            let name = DAYS[usize::try_from(weekday(days()?)).unwrap_or(0)];
            name_field(out, styled, name, styled.field == Field::DayAbbreviated);
            return Ok(());
        }
        Field::MonthName | Field::MonthAbbreviated => {
            days()?;
            let name = MONTHS[usize::try_from(shown.month - 1).unwrap_or(0)];
            name_field(out, styled, name, styled.field == Field::MonthAbbreviated);
            return Ok(());
        }
        Field::MonthRoman => {
            if shown.month == 0 && shown.year == 0 {
                return Ok(());
            }
            let name = ROMAN_MONTHS[usize::try_from((shown.month + 11).rem_euclid(12)).unwrap_or(0)];
            let width = if styled.is_bare { 0 } else { 4 };
            out.push_str(&format!("{:width$}", cased(name, styled.letters)));
            return Ok(());
        }
        Field::ZoneName => {
            days()?;
            if let Some((abbreviation, _)) = &shown.zone {
                out.push_str(&cased(abbreviation, styled.letters));
            }
            return Ok(());
        }
        Field::ZoneHours | Field::ZoneMinutes | Field::ZoneOffset => {
            days()?;
            zone_offset(out, styled, shown);
            return Ok(());
        }
        Field::YearGrouped => {
            let year = shown.shown_year(shown.year);
            format!("{},{:03}", year / 1_000, year % 1_000)
        }
        Field::Year(digits) => last_digits(shown.shown_year(shown.year), digits, styled),
        Field::IsoYear(digits) => {
            let (year, ..) = iso(days()?, shown.year);
            last_digits(shown.shown_year(year), digits, styled)
        }
        Field::Century => {
            let century = match shown.days {
                None => shown.year / 100,
                Some(_) if shown.year > 0 => (shown.year - 1) / 100 + 1,
                Some(_) => shown.year / 100 - 1,
            };
            padded(century, 2, styled)
        }
        Field::Quarter => {
            if shown.month == 0 {
                return Ok(());
            }
            ((shown.month - 1) / 3 + 1).to_string()
        }
        Field::Fraction(digits) => {
            let digits = usize::from(digits);
            let value = shown.micros / 10_i64.pow(6 - digits as u32);
            format!("{value:0digits$}")
        }
        Field::SecondOfDay => (shown.hour * 3_600 + shown.minute * 60 + shown.second).to_string(),
        Field::Hour24 => padded(shown.hour, 2, styled),
        Field::Hour12 => padded(if shown.hour % 12 == 0 { 12 } else { shown.hour % 12 }, 2, styled),
        Field::Minute => padded(shown.minute, 2, styled),
        Field::Second => padded(shown.second, 2, styled),
        Field::Month => padded(shown.month, 2, styled),
        Field::DayOfMonth => padded(shown.day, 2, styled),
        Field::DayOfYear => padded(shown.day_of_year(), 3, styled),
        Field::DayOfWeek => (weekday(days()?) + 1).to_string(),
        Field::IsoDayOfWeek => ((weekday(days()?) + 6) % 7 + 1).to_string(),
        Field::WeekOfYear => padded((shown.day_of_year() - 1) / 7 + 1, 2, styled),
        Field::WeekOfMonth => ((shown.day - 1) / 7 + 1).to_string(),
        Field::IsoWeek => padded(iso(days()?, shown.year).1, 2, styled),
        Field::IsoDayOfYear => padded(iso(days()?, shown.year).2, 3, styled),
        Field::JulianDay => (days()? + JULIAN_OF_1970).to_string(),
        Field::Exact => return Ok(()),
    };
    out.push_str(&number);
    if let Some(letters) = styled.ordinal {
        out.push_str(ordinal_suffix(&number, letters));
    }
    Ok(())
}

/// `st`, `nd`, `rd` or `th`, by the last digits.
pub fn ordinal_suffix(number: &str, letters: Letters) -> &'static str {
    let digits = number.as_bytes();
    let is_teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    match (digits.last(), is_teen, letters == Letters::Upper) {
        (Some(b'1'), false, true) => "ST",
        (Some(b'1'), false, false) => "st",
        (Some(b'2'), false, true) => "ND",
        (Some(b'2'), false, false) => "nd",
        (Some(b'3'), false, true) => "RD",
        (Some(b'3'), false, false) => "rd",
        (_, _, true) => "TH",
        (_, _, false) => "th",
    }
}

/// With leading zeros, the sign not counted.
fn padded(value: i64, width: usize, styled: &Styled) -> String {
    let width = match (styled.is_bare, value < 0) {
        (true, _) => 0,
        (false, false) => width,
        (false, true) => width + 1,
    };
    format!("{value:0width$}")
}

fn last_digits(year: i64, digits: u8, styled: &Styled) -> String {
    let value = if digits == 4 { year } else { year % 10_i64.pow(digits.into()) };
    match digits {
        1 => value.to_string(),
        digits => padded(value, digits.into(), styled),
    }
}

fn name_field(out: &mut String, styled: &Styled, name: &str, is_short: bool) {
    let name = if is_short { &name[..3] } else { name };
    let width = if is_short || styled.is_bare || styled.is_translated { 0 } else { 9 };
    // Writing to a string does not fail.
    let _ = write!(out, "{:width$}", cased(name, styled.letters));
}

fn cased(word: &str, letters: Letters) -> String {
    match letters {
        Letters::Upper => word.to_ascii_uppercase(),
        Letters::Lower => word.to_ascii_lowercase(),
        Letters::Title => word.to_owned(),
    }
}

fn zone_offset(out: &mut String, styled: &Styled, shown: &Shown) {
    let seconds = shown.zone.as_ref().map_or(0, |(_, seconds)| *seconds);
    let (sign, hours, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 3_600, seconds.abs() / 60 % 60);
    let written = match styled.field {
        Field::ZoneHours => format!("{sign}{hours:02}"),
        Field::ZoneMinutes => format!("{minutes:02}"),
        _ => {
            let width = if styled.is_bare { 0 } else { 2 };
            let behind = if minutes == 0 { String::new() } else { format!(":{minutes:02}") };
            format!("{sign}{hours:0width$}{behind}")
        }
    };
    out.push_str(&written);
}
