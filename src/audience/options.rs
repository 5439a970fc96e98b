//! What WITH (…) says of an audience.

use super::schedule::Schedule;
use crate::catalog::object::AudienceOptions;
use crate::error::{Result, message};

/// As many runs as may be kept of one list.
const KEEP_MAX: u32 = 10_000;

/// The options with these set; one without a value goes back to its default.
///
/// Errors: 22023 for an unknown option, or a value that makes no sense.
pub fn with(mut options: AudienceOptions, given: &[(String, Option<String>)]) -> Result<AudienceOptions> {
    for (name, value) in given {
        let value = value.as_deref();
        match name.as_str() {
            "channel" => options.channel = value.map(|channel| word(name, channel)).transpose()?,
            "refresh" => options.refresh = value.map(|written| schedule(name, written)).transpose()?,
            "keep" => {
                options.keep = match value {
                    Some(value) => number(name, value, 1, KEEP_MAX, "30")?,
                    None => AudienceOptions::default().keep,
                }
            }
            "minimum" => {
                options.minimum = value.map(|value| number(name, value, 1, u32::MAX, "50")).transpose()?;
            }
            _ => return Err(message::audience_option_unknown(name)),
        }
    }
    Ok(options)
}

fn word(name: &str, value: &str) -> Result<String> {
    if value.trim().is_empty() {
        return Err(message::audience_option_refused(name, value, "'line'"));
    }
    Ok(value.trim().to_owned())
}

fn schedule(name: &str, value: &str) -> Result<String> {
    match Schedule::parse(value) {
        Some(schedule) => Ok(schedule.to_string()),
        None => Err(message::audience_option_refused(name, value, "'daily 06:00', 'weekly mon 06:00' or 'hourly'")),
    }
}

fn number(name: &str, value: &str, least: u32, most: u32, example: &str) -> Result<u32> {
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| message::audience_option_refused(name, value, example))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: Option<&str>) -> Result<AudienceOptions> {
        with(AudienceOptions::default(), &[(name.to_owned(), value.map(str::to_owned))])
    }

    #[test]
    fn values_are_checked_when_they_are_set() {
        assert_eq!(given("keep", Some("3")).unwrap().keep, 3);
        assert_eq!(given("keep", None).unwrap().keep, 30);
        assert_eq!(given("refresh", Some("Daily 6:00")).unwrap().refresh.as_deref(), Some("daily 06:00"));
        for (name, value) in [
            ("keep", "0"),
            ("keep", "many"),
            ("minimum", "-1"),
            ("refresh", "now and then"),
            ("channel", " "),
            ("colour", "red"),
        ] {
            assert_eq!(given(name, Some(value)).unwrap_err().state().code(), "22023", "{name} = {value}");
        }
    }
}
