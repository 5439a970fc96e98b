//! Dates, times of day, timestamps and intervals.
//!
//! Read: ISO 8601 with PostgreSQL's freedoms (space or T, offset or zone name, BC, infinity), intervals in the
//! styles `postgres`, `postgres_verbose` and ISO 8601. Infinite days and instants are the ends of their integers.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Days, MappedLocalTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::trim;
use crate::error::{Result, message};
use crate::wire::calendar::{DAYS_TO_2000, Day, MICROS_PER_DAY, MICROS_PER_SECOND, MICROS_TO_2000};

const DATE: &str = "date";
const TIME: &str = "time";
const TIMESTAMP: &str = "timestamp";
const TIMESTAMPTZ: &str = "timestamp with time zone";
const INTERVAL: &str = "interval";

/// PostgreSQL's last year of a date, and its first and (excluded) last microsecond since 1970 of a timestamp.
const LAST_YEAR: i64 = 5_874_897;
const FIRST_DAY: i64 = -2_440_588;
const FIRST_MICROS: i64 = FIRST_DAY * MICROS_PER_DAY;

/// Days since 1970-01-01. A time of day and a zone behind it are read and left out, as PostgreSQL does.
pub(super) fn date(text: &str) -> Result<i32> {
    let written = match Written::read(DATE, text)? {
        Moment::Infinite(sign) => return Ok(if sign { i32::MAX } else { i32::MIN }),
        Moment::At(written) => written,
    };
    let in_range = written.days >= FIRST_DAY && written.year <= LAST_YEAR;
    i32::try_from(written.days).ok().filter(|_| in_range).ok_or_else(|| message::datetime_out_of_range("date", text))
}

/// Microseconds since midnight, up to and with 24:00:00.
pub(super) fn time(text: &str) -> Result<i64> {
    let bare = trim(text);
    let mut cursor = Cursor::new(bare);
    let micros = cursor.time_of_day(TIME, text)?.ok_or_else(|| message::invalid_datetime_text(TIME, text))?;
    // An offset or a zone has no meaning for a time without one.
    cursor.zone(TIME, text)?;
    if !cursor.rest().is_empty() {
        return Err(message::invalid_datetime_text(TIME, text));
    }
    Ok(micros)
}

/// Microseconds since 1970-01-01; an offset or zone is read and left out, as PostgreSQL does.
pub(super) fn timestamp(text: &str) -> Result<i64> {
    match Written::read(TIMESTAMP, text)? {
        Moment::Infinite(sign) => Ok(if sign { i64::MAX } else { i64::MIN }),
        Moment::At(written) => written.local_micros(text),
    }
}

/// Microseconds since 1970-01-01 UTC; without offset or zone, local time in `session_zone`.
pub(super) fn instant(text: &str, session_zone: Tz) -> Result<i64> {
    let written = match Written::read(TIMESTAMPTZ, text)? {
        Moment::Infinite(sign) => return Ok(if sign { i64::MAX } else { i64::MIN }),
        Moment::At(written) => written,
    };
    let local = written.local_micros(text)?;
    let offset = match written.zone {
        Some(Zone::Offset(seconds)) => seconds,
        Some(Zone::Named(zone)) => local_offset(local, zone),
        None => local_offset(local, session_zone),
    };
    checked_timestamp(local.checked_sub(i64::from(offset) * MICROS_PER_SECOND))
        .ok_or_else(|| message::datetime_out_of_range("timestamp", text))
}

/// The binary form: days since 2000.
pub(super) fn date_of_2000(days: i32) -> Result<i32> {
    match days {
        i32::MIN | i32::MAX => Ok(days),
        _ => days
            .checked_add(DAYS_TO_2000)
            .filter(|days| i64::from(*days) >= FIRST_DAY)
            .ok_or_else(|| message::out_of_range_of_datetime("date")),
    }
}

/// The binary form: microseconds since 2000, with or without a zone.
pub(super) fn timestamp_of_2000(micros: i64) -> Result<i64> {
    match micros {
        i64::MIN | i64::MAX => Ok(micros),
        _ => checked_timestamp(micros.checked_add(MICROS_TO_2000))
            .ok_or_else(|| message::out_of_range_of_datetime("timestamp")),
    }
}

pub(super) fn checked_time(micros: i64) -> Result<i64> {
    match (0..=MICROS_PER_DAY).contains(&micros) {
        true => Ok(micros),
        false => Err(message::out_of_range_of_datetime("time")),
    }
}

/// The binary form: microseconds, days, months.
pub(super) fn interval_binary(parts: [u8; 16]) -> Result<IntervalMonthDayNano> {
    let [a, b, c, d, e, f, g, h, days @ .., m0, m1, m2, m3] = parts;
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let nanoseconds = micros.checked_mul(1_000).ok_or_else(|| message::out_of_range_of_datetime("interval"))?;
    Ok(IntervalMonthDayNano {
        months: i32::from_be_bytes([m0, m1, m2, m3]),
        days: i32::from_be_bytes(days),
        nanoseconds,
    })
}

fn checked_timestamp(micros: Option<i64>) -> Option<i64> {
    micros.filter(|micros| (FIRST_MICROS..i64::MAX).contains(micros))
}

/// Seconds east of UTC at a local time. What the clocks show twice is the later instant; what they never show is
/// read with the offset before the change, so it moves forward.
fn local_offset(local_micros: i64, zone: Tz) -> i32 {
    let Some(local) = DateTime::from_timestamp_micros(local_micros).map(|instant| instant.naive_utc()) else {
        return 0;
    };
    match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => offset.fix().local_minus_utc(),
        MappedLocalTime::Ambiguous(one, other) => one.fix().local_minus_utc().min(other.fix().local_minus_utc()),
        MappedLocalTime::None => {
            let before = local.checked_sub_days(Days::new(1)).unwrap_or(local);
            zone.offset_from_utc_datetime(&before).fix().local_minus_utc()
        }
    }
}

enum Moment {
    /// Forward (`true`) or back.
    Infinite(bool),
    At(Written),
}

/// A date as it was written, with what stood behind it.
struct Written {
    year: i64,
    /// Since 1970-01-01.
    days: i64,
    /// Of the day.
    micros: i64,
    zone: Option<Zone>,
}

#[derive(Clone, Copy)]
enum Zone {
    /// Seconds east of UTC.
    Offset(i32),
    Named(Tz),
}

impl Written {
    fn read(type_name: &str, text: &str) -> Result<Moment> {
        let bare = trim(text);
        match bare.to_ascii_lowercase().as_str() {
            "infinity" | "+infinity" => return Ok(Moment::Infinite(true)),
            "-infinity" => return Ok(Moment::Infinite(false)),
            "epoch" => return Ok(Moment::At(Self { year: 1970, days: 0, micros: 0, zone: Some(Zone::Offset(0)) })),
            _ => {}
        }
        let invalid = || message::invalid_datetime_text(type_name, text);
        let mut cursor = Cursor::new(bare);
        let (year, month, day) = cursor.date().ok_or_else(invalid)?;
        cursor.skip_separator();
        let micros = cursor.time_of_day(type_name, text)?.unwrap_or(0);
        let mut before_christ = cursor.era();
        let zone = cursor.zone(type_name, text)?;
        before_christ = cursor.era().or(before_christ);
        if !cursor.rest().is_empty() {
            return Err(invalid());
        }
        let out_of_range = || message::datetime_field_out_of_range(text);
        let year = match before_christ {
            _ if year == 0 => return Err(out_of_range()),
            Some(true) => 1 - year,
            _ => year,
        };
        if year > LAST_YEAR {
            let kind = if type_name == DATE { DATE } else { TIMESTAMP };
            return Err(message::datetime_out_of_range(kind, text));
        }
        let days = Day { year, month, day }.to_days().ok_or_else(out_of_range)?;
        Ok(Moment::At(Self { year, days, micros, zone }))
    }

    fn local_micros(&self, text: &str) -> Result<i64> {
        checked_timestamp(self.days.checked_mul(MICROS_PER_DAY).and_then(|micros| micros.checked_add(self.micros)))
            .ok_or_else(|| message::datetime_out_of_range("timestamp", text))
    }
}

/// Reads along a text.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn rest(&self) -> &'a str {
        self.rest
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn skip_separator(&mut self) {
        self.rest = self.rest.strip_prefix(['T', 't']).unwrap_or(self.rest);
        self.skip_spaces();
    }

    fn eat(&mut self, prefix: char) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The digits that stand here, perhaps none.
    fn digits(&mut self) -> &'a str {
        let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    /// A number of at most `width` digits.
    fn number(&mut self, width: usize) -> Option<i64> {
        let digits = self.digits();
        if digits.len() > width { None } else { digits.parse().ok() }
    }

    /// `YYYY-MM-DD` or `YYYYMMDD`.
    fn date(&mut self) -> Option<(i64, u32, u32)> {
        let first = self.digits();
        if first.len() == 8 && !self.rest.starts_with('-') {
            let part = |range: std::ops::Range<usize>| first.get(range)?.parse::<u32>().ok();
            return Some((part(0..4)?.into(), part(4..6)?, part(6..8)?));
        }
        // Shorter years would be a matter of DateStyle.
        if first.len() < 3 || !self.eat('-') {
            return None;
        }
        let month = self.number(2)?;
        if !self.eat('-') {
            return None;
        }
        let day = self.number(2)?;
        let year = first.parse().unwrap_or(i64::MAX);
        Some((year, u32::try_from(month).ok()?, u32::try_from(day).ok()?))
    }

    /// `HH:MM[:SS[.ffffff]]` in microseconds; `None` when no digit stands here.
    fn time_of_day(&mut self, type_name: &str, text: &str) -> Result<Option<i64>> {
        if !self.rest.starts_with(|character: char| character.is_ascii_digit()) {
            return Ok(None);
        }
        let invalid = || message::invalid_datetime_text(type_name, text);
        let hour = self.number(2).ok_or_else(invalid)?;
        if !self.eat(':') {
            return Err(invalid());
        }
        let minute = self.number(2).ok_or_else(invalid)?;
        let (second, fraction) = match self.eat(':') {
            true => (self.number(2).ok_or_else(invalid)?, self.fraction()),
            false => (0, 0),
        };
        let micros = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction;
        if minute > 59 || second > 60 || micros > MICROS_PER_DAY {
            return Err(message::datetime_field_out_of_range(text));
        }
        Ok(Some(micros))
    }

    /// A fraction of a second in microseconds, the seventh digit rounded as PostgreSQL rounds it.
    fn fraction(&mut self) -> i64 {
        if !self.eat('.') {
            return 0;
        }
        let digits = self.digits();
        let seconds: f64 = format!("0.{digits}").parse().unwrap_or(0.0);
        (seconds * MICROS_PER_SECOND as f64).round_ties_even() as i64
    }

    /// Whether BC (`true`) or AD stands here.
    fn era(&mut self) -> Option<bool> {
        self.skip_spaces();
        for (word, before_christ) in [("BC", true), ("AD", false)] {
            if let Some((head, rest)) = self.rest.split_at_checked(2)
                && head.eq_ignore_ascii_case(word)
                && !rest.starts_with(|character: char| character.is_ascii_alphanumeric())
            {
                self.rest = rest.trim_start();
                return Some(before_christ);
            }
        }
        None
    }

    /// `Z`, `+02`, `-0330`, `+05:30`, `+01:12:12` or a zone's name; `None` when nothing of the kind stands here.
    fn zone(&mut self, type_name: &str, text: &str) -> Result<Option<Zone>> {
        self.skip_spaces();
        let invalid = || message::invalid_datetime_text(type_name, text);
        let east = match self.rest.chars().next() {
            Some('+') => true,
            Some('-') => false,
            Some(character) if character.is_ascii_alphabetic() => return self.named_zone().map(Some),
            _ => return Ok(None),
        };
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let number = |digits: &str| digits.parse::<i32>().map_err(|_| invalid());
        let (hours, mut minutes) = match digits.len() {
            1 | 2 => (number(digits)?, 0),
            3 | 4 => (number(&digits[..digits.len() - 2])?, number(&digits[digits.len() - 2..])?),
            _ => return Err(invalid()),
        };
        let mut seconds = 0;
        if digits.len() <= 2 && self.eat(':') {
            minutes = number(self.digits())?;
            if self.eat(':') {
                seconds = number(self.digits())?;
            }
        }
        if hours > 15 || minutes > 59 || seconds > 59 {
            return Err(message::time_zone_displacement_out_of_range(text));
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        Ok(Some(Zone::Offset(if east { offset } else { -offset })))
    }

    fn named_zone(&mut self) -> Result<Zone> {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.eq_ignore_ascii_case("z") {
            return Ok(Zone::Offset(0));
        }
        let zone = name.parse::<Tz>().or_else(|_| name.to_ascii_uppercase().parse());
        zone.map(Zone::Named).map_err(|_| message::unknown_time_zone(&name.to_ascii_lowercase()))
    }
}

/// Months, days and nanoseconds of an interval.
pub(super) fn interval(text: &str) -> Result<IntervalMonthDayNano> {
    let bare = trim(text).to_ascii_lowercase();
    let mut sum = Sum::default();
    let read = match bare.strip_prefix('p') {
        Some(iso) => sum.read_iso(iso),
        None => sum.read_words(&bare),
    };
    read.ok_or_else(|| message::invalid_datetime_text(INTERVAL, text))?;
    sum.finish().ok_or_else(|| message::interval_out_of_range(text))
}

/// What the parts of an interval add up to. Wide, so that only the end can overflow.
#[derive(Default)]
struct Sum {
    months: f64,
    days: f64,
    micros: f64,
}

impl Sum {
    /// `1 year 2 mons -3 days 04:05:06.7 ago`. `None`: not an interval.
    fn read_words(&mut self, text: &str) -> Option<()> {
        let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if rest == "ago" {
                self.months = -self.months;
                self.days = -self.days;
                self.micros = -self.micros;
                return Some(());
            }
            let (number, behind) = split_number(rest)?;
            if behind.starts_with(':') {
                rest = self.read_clock(rest)?;
            } else if let Some(months) = year_month(number, behind) {
                self.months += months.0;
                rest = months.1.trim_start();
            } else {
                let behind = behind.trim_start();
                let end = behind.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(behind.len());
                let (unit, after) = behind.split_at(end);
                rest = after.trim_start();
                // A number without a unit is seconds, but days in front of a time.
                let is_in_front_of_time = || split_number(rest).is_some_and(|(_, behind)| behind.starts_with(':'));
                let unit = match unit {
                    "" if is_in_front_of_time() => "d",
                    "" => "s",
                    unit => unit,
                };
                self.add(number.parse().ok()?, unit)?;
            }
        }
        Some(())
    }

    /// `[-]HH:MM[:SS[.f]]`; returns what stands behind it.
    fn read_clock<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (clock, rest) = text.split_at(end);
        let negative = clock.starts_with('-');
        let mut parts = clock.trim_start_matches(['+', '-']).split(':');
        let hours: f64 = plain_number(parts.next()?)?;
        let minutes: f64 = plain_number(parts.next()?)?;
        let seconds: f64 = parts.next().map_or(Some(0.0), plain_number)?;
        if parts.next().is_some() || minutes >= 60.0 || seconds > 60.0 {
            return None;
        }
        let micros = (hours * 3_600.0 + minutes * 60.0) * 1e6 + (seconds * 1e6).round_ties_even();
        self.micros += if negative { -micros } else { micros };
        Some(rest.trim_start())
    }

    /// `1y2m3dt4h5m6.7s`, the `P` and upper case gone.
    fn read_iso(&mut self, text: &str) -> Option<()> {
        let mut rest = text;
        let mut in_time = false;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('t') {
                in_time = true;
                rest = behind;
            }
            let (number, behind) = split_number(rest)?;
            let unit = behind.chars().next()?;
            let unit_name = match (unit, in_time) {
                ('y', false) => "year",
                ('m', false) => "month",
                ('w', false) => "week",
                ('d', false) => "day",
                ('h', true) => "hour",
                ('m', true) => "minute",
                ('s', true) => "second",
                _ => return None,
            };
            self.add(number.parse().ok()?, unit_name)?;
            rest = &behind[1..];
        }
        Some(())
    }

    /// Adds `count` units; the fraction of one spills into the next smaller, a month being 30 days and a day 24 hours.
    fn add(&mut self, count: f64, unit: &str) -> Option<()> {
        match unit {
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds" => self.micros += count,
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds" => {
                self.micros += (count * 1e3).round_ties_even();
            }
            "s" | "sec" | "secs" | "second" | "seconds" => self.micros += (count * 1e6).round_ties_even(),
            "m" | "min" | "mins" | "minute" | "minutes" => self.micros += (count * 60e6).round_ties_even(),
            "h" | "hr" | "hrs" | "hour" | "hours" => self.micros += (count * 3_600e6).round_ties_even(),
            "d" | "day" | "days" => self.add_days(count),
            "w" | "week" | "weeks" => {
                self.days += count.trunc() * 7.0;
                self.add_days(count.fract() * 7.0);
            }
            "mon" | "mons" | "month" | "months" => {
                self.months += count.trunc();
                self.add_days(count.fract() * 30.0);
            }
            "y" | "yr" | "yrs" | "year" | "years" => self.months += (count * 12.0).round_ties_even(),
            "decade" | "decades" | "dec" | "decs" => self.months += (count * 120.0).round_ties_even(),
            "c" | "cent" | "century" | "centuries" => self.months += (count * 1_200.0).round_ties_even(),
            "mil" | "mils" | "millennium" | "millennia" => self.months += (count * 12_000.0).round_ties_even(),
            _ => return None,
        }
        Some(())
    }

    fn add_days(&mut self, count: f64) {
        self.days += count.trunc();
        self.micros += (count.fract() * 86_400e6).round_ties_even();
    }

    /// `None` when a part is out of range.
    fn finish(&self) -> Option<IntervalMonthDayNano> {
        let whole = |count: f64| (count.abs() <= f64::from(i32::MAX)).then_some(count as i32);
        let nanos = self.micros.abs() * 1e3;
        if nanos >= i64::MAX as f64 {
            return None;
        }
        Some(IntervalMonthDayNano {
            months: whole(self.months)?,
            days: whole(self.days)?,
            nanoseconds: (self.micros as i64).checked_mul(1_000)?,
        })
    }
}

/// A sign, digits and a point, and what stands behind.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length =
        unsigned.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(unsigned.len());
    let split = text.split_at(text.len() - unsigned.len() + length);
    plain_number(split.0.trim_start_matches(['+', '-'])).map(|_| split)
}

/// Digits with at most one point, at least one digit.
fn plain_number(text: &str) -> Option<f64> {
    let begins_well = text.starts_with(|character: char| character.is_ascii_digit() || character == '.');
    if begins_well { text.parse().ok() } else { None }
}

/// `1-2` is a year and two months; `number` is the year and `behind` starts at the hyphen.
fn year_month<'a>(number: &str, behind: &'a str) -> Option<(f64, &'a str)> {
    let months_text = behind.strip_prefix('-')?;
    let end = months_text.find(|character: char| !character.is_ascii_digit()).unwrap_or(months_text.len());
    let (months, rest) = months_text.split_at(end);
    let months: f64 = months.parse().ok().filter(|months| *months < 12.0)?;
    let years: f64 = number.parse().ok()?;
    let sign = if number.starts_with('-') { -1.0 } else { 1.0 };
    Some((years * 12.0 + sign * months, rest))
}
