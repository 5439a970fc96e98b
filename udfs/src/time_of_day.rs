//! Times of day as text: `11:00`, `23:59:59.5`, `24:00`.

use crate::refusal::Refusal;

/// Microseconds of a day; also the time of day `24:00`, its end.
pub const DAY_US: i64 = 86_400_000_000;

/// Reads `H:MM`, `HH:MM`, `HH:MM:SS` or `HH:MM:SS.ffffff`, from `00:00` to `24:00`, into microseconds since midnight.
/// Spaces around it do not matter.
///
/// Errors, as PostgreSQL has them: 22007 for what is not a time, 22008 for an hour, minute or second that does not
/// exist.
pub fn parse(text: &str) -> Result<i64, Refusal> {
    let Some(parts) = split(text.trim()) else {
        return Err(
            Refusal::new("22007", format!("invalid input syntax for type time: \"{text}\"")).with_hint(ACCEPTED)
        );
    };
    in_range(parts).ok_or_else(|| {
        Refusal::new("22008", format!("date/time field value out of range: \"{text}\"")).with_hint(ACCEPTED)
    })
}

/// `HH:MM`, with seconds only where there are any: how hints and tables write a time.
pub fn to_text(time_us: i64) -> String {
    let (seconds, fraction) = (time_us / 1_000_000, time_us % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (second, fraction) {
        (0, 0) => format!("{hour:02}:{minute:02}"),
        (_, 0) => format!("{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}.{fraction:06}").trim_end_matches('0').to_owned(),
    }
}

const ACCEPTED: &str = "Write a time from 00:00 to 24:00, such as '11:30'.";

struct Parts {
    hour: i64,
    minute: i64,
    second: i64,
    microsecond: i64,
}

/// The numbers of a time, whatever their size; `None` when it does not look like one.
fn split(text: &str) -> Option<Parts> {
    let mut fields = text.split(':');
    let hour = number(fields.next()?, 1..=2)?;
    let minute = number(fields.next()?, 2..=2)?;
    let (second, microsecond) = match fields.next() {
        None => (0, 0),
        Some(field) => match field.split_once('.') {
            None => (number(field, 2..=2)?, 0),
            Some((second, fraction)) => {
                (number(second, 2..=2)?, number(fraction, 1..=6)? * 10_i64.pow(6 - fraction.len() as u32))
            }
        },
    };
    match fields.next() {
        None => Some(Parts { hour, minute, second, microsecond }),
        Some(_) => None,
    }
}

fn number(digits: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    if !length.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn in_range(parts: Parts) -> Option<i64> {
    if parts.minute > 59 || parts.second > 59 {
        return None;
    }
    let time = ((parts.hour * 60 + parts.minute) * 60 + parts.second) * 1_000_000 + parts.microsecond;
    (time <= DAY_US).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_postgresql_reads() {
        for (text, expected) in [
            ("11:00", 39_600_000_000),
            (" 9:05 ", 32_700_000_000),
            ("11:30:15.5", 41_415_500_000),
            ("00:00", 0),
            ("24:00:00", DAY_US),
            ("23:59:59.999999", DAY_US - 1),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn refuses_with_postgresqls_states_and_words() {
        for (text, state, message) in [
            ("25:00", "22008", "date/time field value out of range: \"25:00\""),
            ("11:60", "22008", "date/time field value out of range: \"11:60\""),
            ("24:00:01", "22008", "date/time field value out of range: \"24:00:01\""),
            ("ab", "22007", "invalid input syntax for type time: \"ab\""),
            ("11", "22007", "invalid input syntax for type time: \"11\""),
            ("", "22007", "invalid input syntax for type time: \"\""),
            ("11:00:00:00", "22007", "invalid input syntax for type time: \"11:00:00:00\""),
            ("１１:00", "22007", "invalid input syntax for type time: \"１１:00\""),
        ] {
            let refusal = parse(text).unwrap_err();
            assert_eq!((refusal.sqlstate, refusal.message.as_str()), (state, message));
        }
    }

    #[test]
    fn writes_as_short_as_it_can() {
        for text in ["11:00", "11:30:15", "11:30:15.5", "24:00"] {
            assert_eq!(to_text(parse(text).unwrap()), text);
        }
    }
}
