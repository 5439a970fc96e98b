//! `to_date` and `to_timestamp`: a moment out of a text that a pattern describes.
//!
//! Spaces and signs between fields stand for any number of spaces and signs; a field of digits takes as many as its
//! word has letters, or all there are when no digit may follow it. Not read (0A000): names of zones, weeks of the year
//! without a day of them, weeks of the month.

use super::moment::{DAYS, Field, MONTHS, Part, Pattern, ROMAN_MONTHS, Styled};
use super::moment_write::{first_iso_monday, first_of_year};
use crate::error::{Error, message};
use crate::wire::calendar::{Day, MICROS_PER_DAY, MICROS_PER_SECOND};

/// What was read.
pub struct Read {
    /// Days since 1970.
    pub days: i64,
    /// Microseconds of the day.
    micros: i64,
    /// East of Greenwich, where the text told it.
    pub offset_seconds: Option<i32>,
}

impl Read {
    /// Errors: 22008.
    pub fn local_micros(&self) -> Result<i64, Error> {
        let micros = self.days.checked_mul(MICROS_PER_DAY).and_then(|days| days.checked_add(self.micros));
        micros.ok_or_else(|| message::out_of_range_of_datetime("timestamp"))
    }
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    is_bc: bool,
    century: Option<i64>,
    year_digits: usize,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    iso_day_of_year: Option<i64>,
    week_of_year: Option<i64>,
    week_of_month: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    is_twelve_hours: bool,
    is_afternoon: Option<bool>,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    micros: i64,
    zone_sign: i32,
    zone_hours: Option<i32>,
    zone_minutes: i32,
}

/// Errors: 22007 for a text that the pattern does not fit, 22008 for fields that make no moment.
pub fn read(pattern: &Pattern, text: &str) -> Result<Read, Error> {
    let mut fields = Fields { zone_sign: 1, ..Fields::default() };
    let mut rest = text.trim_start();
    for (at, part) in pattern.parts.iter().enumerate() {
        // What a text that ends early does not say keeps its default.
        if rest.is_empty() {
            break;
        }
        match part {
            Part::Quoted(quoted) => {
                // A quoted text stands for as many characters, whichever they are.
                for _ in quoted.chars() {
                    rest = rest.char_indices().nth(1).map_or("", |(next, _)| &rest[next..]);
                }
            }
            Part::Char(char) if is_separator(*char) => {
                if pattern.is_exact {
                    rest = rest.char_indices().nth(1).map_or("", |(next, _)| &rest[next..]);
                } else {
                    rest = rest.trim_start();
                    if let Some(first) = rest.chars().next().filter(|first| is_separator(*first)) {
                        rest = &rest[first.len_utf8()..];
                    }
                }
            }
            Part::Char(_) => {
                rest = rest.char_indices().nth(1).map_or("", |(next, _)| &rest[next..]);
            }
            Part::Field(styled) => {
                if !pattern.is_exact {
                    rest = rest.trim_start();
                    // A sign that the pattern has no separator for belongs to the number, as in a year before Christ.
                    let is_open = rest.chars().next().is_some_and(|first| is_separator(first) && first != '-');
                    if is_open && !matches!(styled.field, Field::ZoneHours) {
                        rest = rest.trim_start_matches(|char: char| is_separator(char) && char != '-').trim_start();
                    }
                }
                let is_closed = pattern.parts.get(at + 1).is_some_and(is_digits);
                rest = fields.read(styled, rest, is_closed && !styled.is_bare)?;
            }
        }
    }
    fields.moment(text)
}

fn is_separator(char: char) -> bool {
    char.is_ascii() && !char.is_ascii_alphanumeric()
}

/// Whether a digit may follow: a field of digits comes next.
fn is_digits(part: &Part) -> bool {
    match part {
        Part::Field(styled) => !matches!(
            styled.field,
            Field::Era(_)
                | Field::Half(_)
                | Field::DayName
                | Field::DayAbbreviated
                | Field::MonthName
                | Field::MonthAbbreviated
                | Field::MonthRoman
                | Field::ZoneName
                | Field::ZoneOffset
        ),
        Part::Char(char) => char.is_ascii_digit(),
        Part::Quoted(text) => text.starts_with(|char: char| char.is_ascii_digit()),
    }
}

impl Fields {
    fn read<'a>(&mut self, styled: &Styled, text: &'a str, is_closed: bool) -> Result<&'a str, Error> {
        let number = |width: usize| number_of(styled, text, width, is_closed);
        let rest;
        match styled.field {
            Field::Year(digits) => {
                let (value, behind) = number(digits.into())?;
                let read = text.len() - behind.len();
                self.year = Some(with_century(value, if digits == 4 { 4 } else { read }));
                self.year_digits = usize::from(digits);
                rest = behind;
            }
            Field::YearGrouped => {
                let (thousands, behind) = text.split_once(',').ok_or_else(|| invalid(styled, text))?;
                let thousands: i64 = thousands.trim().parse().map_err(|_| invalid(styled, text))?;
                let (ones, behind) = number_of(styled, behind, 3, is_closed)?;
                self.year = Some(thousands * 1_000 + ones);
                self.year_digits = 4;
                rest = behind;
            }
            Field::IsoYear(digits) => {
                let (value, behind) = number(digits.into())?;
                let read = text.len() - behind.len();
                self.iso_year = Some(with_century(value, if digits == 4 { 4 } else { read }));
                rest = behind;
            }
            Field::Month => (self.month, rest) = some(number(2)?),
            Field::MonthName | Field::MonthAbbreviated => {
                let is_short = styled.field == Field::MonthAbbreviated;
                let (place, behind) = named(&MONTHS, is_short, text).ok_or_else(|| invalid_name(styled, text))?;
                self.month = Some(place + 1);
                rest = behind;
            }
            Field::MonthRoman => {
                let found = ROMAN_MONTHS
                    .iter()
                    .enumerate()
                    .filter(|(_, word)| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
                let (place, word) =
                    found.max_by_key(|(_, word)| word.len()).ok_or_else(|| invalid_name(styled, text))?;
                self.month = Some(place as i64 + 1);
                rest = &text[word.len()..];
            }
            Field::DayOfMonth => (self.day, rest) = some(number(2)?),
            Field::DayOfYear => (self.day_of_year, rest) = some(number(3)?),
            Field::IsoWeek => (self.iso_week, rest) = some(number(2)?),
            Field::IsoDayOfWeek => (self.iso_day, rest) = some(number(1)?),
            Field::IsoDayOfYear => (self.iso_day_of_year, rest) = some(number(3)?),
            Field::WeekOfYear => (self.week_of_year, rest) = some(number(2)?),
            Field::WeekOfMonth => (self.week_of_month, rest) = some(number(1)?),
            Field::Century => (self.century, rest) = some(number(2)?),
            Field::JulianDay => (self.julian, rest) = some(number(20)?),
            Field::Hour24 => (self.hour, rest) = some(number(2)?),
            Field::Hour12 => {
                (self.hour, rest) = some(number(2)?);
                self.is_twelve_hours = true;
            }
            Field::Minute => (self.minute, rest) = number(2)?,
            Field::Second => (self.second, rest) = number(2)?,
            Field::SecondOfDay => (self.second_of_day, rest) = some(number(5)?),
            Field::Fraction(digits) => {
                let (value, behind) = number_of(styled, text, digits.into(), true)?;
                let read = (text.len() - behind.len()).min(6) as u32;
                self.micros = value * 10_i64.pow(6 - read);
                // What is finer than a microsecond is left out.
                rest = behind.trim_start_matches(|char: char| char.is_ascii_digit() && !is_closed);
            }
            Field::Half(points) => {
                let words = if points { ["a.m.", "p.m."] } else { ["am", "pm"] };
                let found = words
                    .iter()
                    .position(|word| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
                let found = found.ok_or_else(|| invalid_name(styled, text))?;
                self.is_afternoon = Some(found == 1);
                self.is_twelve_hours = true;
                rest = &text[words[found].len()..];
            }
            Field::Era(points) => {
                let words = if points { ["a.d.", "b.c."] } else { ["ad", "bc"] };
                let found = words
                    .iter()
                    .position(|word| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
                let found = found.ok_or_else(|| invalid_name(styled, text))?;
                self.is_bc = found == 1;
                rest = &text[words[found].len()..];
            }
            Field::DayName | Field::DayAbbreviated => {
                let is_short = styled.field == Field::DayAbbreviated;
                let (_, behind) = named(&DAYS, is_short, text).ok_or_else(|| invalid_name(styled, text))?;
                rest = behind;
            }
            Field::DayOfWeek | Field::Quarter => (_, rest) = number(1)?,
            Field::ZoneHours => {
                let (sign, behind) = match text.chars().next() {
                    Some('-') => (-1, &text[1..]),
                    Some('+') => (1, &text[1..]),
                    _ => (1, text),
                };
                let (hours, behind) = number_of(styled, behind, 2, is_closed)?;
                self.zone_sign = sign;
                self.zone_hours = i32::try_from(hours).ok();
                rest = behind;
            }
            Field::ZoneMinutes => {
                let (minutes, behind) = number(2)?;
                self.zone_minutes = i32::try_from(minutes).unwrap_or(0);
                self.zone_hours.get_or_insert(0);
                rest = behind;
            }
            Field::ZoneName | Field::ZoneOffset => {
                return Err(message::unsupported(&format!("formatting code \"{}\" for input", styled.word)));
            }
            Field::Exact => rest = text,
        }
        Ok(match (&styled.ordinal, rest.get(..2)) {
            (Some(_), Some(_)) => &rest[2..],
            _ => rest,
        })
    }

    fn moment(self, text: &str) -> Result<Read, Error> {
        if self.week_of_year.is_some() || self.week_of_month.is_some() {
            return Err(message::unsupported("reading weeks by the patterns \"WW\" and \"W\""));
        }
        let refused = || message::moment_out_of_range(text);
        let in_range = |value: i64, most: i64| if (0..=most).contains(&value) { Ok(value) } else { Err(refused()) };
        let days = self.date(text)?;
        let mut hour = self.hour.unwrap_or(0);
        if self.is_twelve_hours {
            if !(1..=12).contains(&hour) && self.hour.is_some() {
                return Err(message::hour_of_twelve(hour));
            }
            hour = match (hour, self.is_afternoon) {
                (12, Some(false) | None) if self.hour.is_some() && self.is_afternoon.is_some() => 0,
                (hour, Some(true)) if hour < 12 => hour + 12,
                (hour, _) => hour,
            };
        }
        let (mut minute, mut second) = (self.minute, self.second);
        if let Some(of_day) = self.second_of_day {
            (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        }
        let seconds = in_range(hour, 23)? * 3_600 + in_range(minute, 59)? * 60 + in_range(second, 59)?;
        let offset_seconds = self.zone_hours.map(|hours| self.zone_sign * (hours * 3_600 + self.zone_minutes * 60));
        Ok(Read { days, micros: seconds * MICROS_PER_SECOND + self.micros, offset_seconds })
    }

    fn date(&self, text: &str) -> Result<i64, Error> {
        let refused = || message::moment_out_of_range(text);
        if let Some(julian) = self.julian {
            return Ok(julian - 2_440_588);
        }
        if let Some(year) = self.iso_year.or(self.iso_week.and(self.year)) {
            let first = first_iso_monday(year);
            if let Some(day) = self.iso_day_of_year {
                return Ok(first + day - 1);
            }
            let week = self.iso_week.unwrap_or(1);
            if !(1..=53).contains(&week) {
                return Err(refused());
            }
            return Ok(first + (week - 1) * 7 + self.iso_day.unwrap_or(1) - 1);
        }
        // Without a year it is the year 1 BC, which PostgreSQL counts as zero.
        let mut year = match (self.year, self.century) {
            (Some(year), None) => year,
            (Some(year), Some(century)) if self.year_digits <= 2 => (century - 1) * 100 + year % 100,
            (Some(year), Some(_)) => year,
            (None, Some(century)) => (century - 1) * 100 + 1,
            (None, None) => 0,
        };
        if self.is_bc && self.year.is_some() {
            year = 1 - year;
        } else if year < 0 {
            // A negative year is one before Christ.
            year += 1;
        }
        if let Some(day) = self.day_of_year.filter(|_| self.month.is_none()) {
            let length = first_of_year(year + 1) - first_of_year(year);
            if !(1..=length).contains(&day) {
                return Err(refused());
            }
            return Ok(first_of_year(year) + day - 1);
        }
        // A zero says as much as nothing.
        let part =
            |value: Option<i64>| u32::try_from(value.filter(|value| *value != 0).unwrap_or(1)).map_err(|_| refused());
        let day = Day { year, month: part(self.month)?, day: part(self.day)? };
        day.to_days().ok_or_else(refused)
    }
}

/// One, two or three digits of a year are of the years nearest to 2020.
fn with_century(year: i64, digits: usize) -> i64 {
    match digits {
        1..=3 if year < 0 => year,
        1 | 2 if year < 70 => year + 2_000,
        1 | 2 => year + 1_900,
        3 if year < 100 => year + if year < 70 { 2_000 } else { 1_900 },
        3 if year < 520 => year + 2_000,
        3 => year + 1_000,
        _ => year,
    }
}

fn some((value, rest): (i64, &str)) -> (Option<i64>, &str) {
    (Some(value), rest)
}

/// A number of at most `width` digits when another digit may follow, else of all digits that are there.
fn number_of<'a>(styled: &Styled, text: &'a str, width: usize, is_closed: bool) -> Result<(i64, &'a str), Error> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let taken = if is_closed { digits.min(width) } else { digits };
    if taken == 0 {
        return Err(invalid(styled, text));
    }
    let value: i64 = unsigned[..taken].parse().map_err(|_| invalid(styled, text))?;
    Ok((sign * value, &unsigned[taken..]))
}

/// The place of the name that a text begins with.
fn named<'a>(names: &[&str], is_short: bool, text: &'a str) -> Option<(i64, &'a str)> {
    names.iter().enumerate().find_map(|(place, name)| {
        let name = if is_short { &name[..3] } else { name };
        let begins = text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        begins.then(|| (place as i64, &text[name.len()..]))
    })
}

fn invalid(styled: &Styled, text: &str) -> Error {
    let word: String = text.chars().take(styled.word.len()).collect();
    message::pattern_wants_number(&word, styled.word)
}

fn invalid_name(styled: &Styled, text: &str) -> Error {
    let word: String = text.split_whitespace().next().unwrap_or_default().to_owned();
    message::pattern_wants_name(&word, styled.word)
}
