//! The patterns of moments: `YYYY-MM-DD HH24:MI:SS` as fields and the text between them.

/// A pattern taken apart.
#[derive(Debug)]
pub struct Pattern {
    pub parts: Vec<Part>,
    /// `FX`: what is read must have exactly the pattern's form.
    pub is_exact: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text in double quotes.
    Quoted(String),
    /// A character that is no field.
    Char(char),
    Field(Styled),
}

/// A field with how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Styled {
    pub field: Field,
    /// As it is spelled in the pattern, for messages.
    pub word: &'static str,
    /// `FM`: neither leading zeros nor padding.
    pub is_bare: bool,
    /// `TM`: as in the locale, without padding.
    pub is_translated: bool,
    /// `TH` or `th` behind it.
    pub ordinal: Option<Letters>,
    pub letters: Letters,
}

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    Upper,
    Lower,
    Title,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// AD and BC; the flag tells of points.
    Era(bool),
    /// AM and PM; the flag tells of points.
    Half(bool),
    Century,
    DayName,
    DayAbbreviated,
    DayOfYear,
    DayOfMonth,
    /// Sunday is 1.
    DayOfWeek,
    /// Digits of a second.
    Fraction(u8),
    Exact,
    Hour24,
    Hour12,
    IsoDayOfYear,
    /// Monday is 1.
    IsoDayOfWeek,
    IsoWeek,
    /// The last digits of the year of ISO weeks.
    IsoYear(u8),
    JulianDay,
    Minute,
    Month,
    MonthName,
    MonthAbbreviated,
    Quarter,
    MonthRoman,
    SecondOfDay,
    Second,
    ZoneHours,
    ZoneMinutes,
    ZoneName,
    ZoneOffset,
    WeekOfYear,
    WeekOfMonth,
    YearGrouped,
    /// The last digits of the year.
    Year(u8),
}

/// The words of fields in capitals. All are known in small letters too; names of days and months also as in a title.
const WORDS: &[(&str, Field)] = &[
    ("A.D.", Field::Era(true)),
    ("B.C.", Field::Era(true)),
    ("AD", Field::Era(false)),
    ("BC", Field::Era(false)),
    ("A.M.", Field::Half(true)),
    ("P.M.", Field::Half(true)),
    ("AM", Field::Half(false)),
    ("PM", Field::Half(false)),
    ("CC", Field::Century),
    ("DAY", Field::DayName),
    ("DY", Field::DayAbbreviated),
    ("DDD", Field::DayOfYear),
    ("DD", Field::DayOfMonth),
    ("D", Field::DayOfWeek),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("MS", Field::Fraction(3)),
    ("US", Field::Fraction(6)),
    ("FX", Field::Exact),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("IDDD", Field::IsoDayOfYear),
    ("ID", Field::IsoDayOfWeek),
    ("IW", Field::IsoWeek),
    ("IYYY", Field::IsoYear(4)),
    ("IYY", Field::IsoYear(3)),
    ("IY", Field::IsoYear(2)),
    ("I", Field::IsoYear(1)),
    ("J", Field::JulianDay),
    ("MI", Field::Minute),
    ("MM", Field::Month),
    ("MONTH", Field::MonthName),
    ("MON", Field::MonthAbbreviated),
    ("Q", Field::Quarter),
    ("RM", Field::MonthRoman),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("TZH", Field::ZoneHours),
    ("TZM", Field::ZoneMinutes),
    ("TZ", Field::ZoneName),
    ("OF", Field::ZoneOffset),
    ("WW", Field::WeekOfYear),
    ("W", Field::WeekOfMonth),
    ("Y,YYY", Field::YearGrouped),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
];

const TITLES: &[(&str, Field)] = &[
    ("Day", Field::DayName),
    ("Dy", Field::DayAbbreviated),
    ("Month", Field::MonthName),
    ("Mon", Field::MonthAbbreviated),
];

impl Pattern {
    pub fn of(text: &str) -> Self {
        let mut pattern = Pattern { parts: Vec::new(), is_exact: false };
        let mut rest = text;
        while !rest.is_empty() {
            let (is_bare, is_translated, behind) = prefixes(rest);
            if let Some((word, field, letters)) = field_at(behind) {
                rest = &behind[word.len()..];
                let ordinal = match rest.get(..2) {
                    Some("TH") => Some(Letters::Upper),
                    Some("th") => Some(Letters::Lower),
                    _ => None,
                };
                if ordinal.is_some() || rest.starts_with("SP") {
                    rest = &rest[2..];
                }
                if field == Field::Exact {
                    pattern.is_exact = true;
                } else {
                    let styled = Styled { field, word, is_bare, is_translated, ordinal, letters };
                    pattern.parts.push(Part::Field(styled));
                }
                continue;
            }
            rest = pattern.push_text(behind);
        }
        pattern
    }

    /// Takes a quoted text or a single character off the front.
    fn push_text<'a>(&mut self, text: &'a str) -> &'a str {
        let mut chars = text.chars();
        match chars.next() {
            Some('"') => {
                let mut quoted = String::new();
                while let Some(char) = chars.next() {
                    match char {
                        '"' => break,
                        '\\' => quoted.extend(chars.next()),
                        char => quoted.push(char),
                    }
                }
                self.parts.push(Part::Quoted(quoted));
            }
            Some('\\') if chars.as_str().starts_with('"') => {
                self.parts.extend(chars.next().map(Part::Char));
            }
            Some(char) => self.parts.push(Part::Char(char)),
            None => {}
        }
        chars.as_str()
    }
}

fn prefixes(text: &str) -> (bool, bool, &str) {
    match text.get(..2) {
        Some("FM" | "fm") => (true, false, &text[2..]),
        Some("TM" | "tm") => (false, true, &text[2..]),
        _ => (false, false, text),
    }
}

/// The longest word of a field at the start of a text.
fn field_at(text: &str) -> Option<(&'static str, Field, Letters)> {
    let capital = WORDS.iter().filter(|(word, _)| text.starts_with(word)).map(|known| (known, Letters::Upper));
    let small = WORDS
        .iter()
        .filter(|(word, _)| text.get(..word.len()).is_some_and(|start| is_lower_of(start, word)))
        .map(|known| (known, Letters::Lower));
    let titles = TITLES.iter().filter(|(word, _)| text.starts_with(word)).map(|known| (known, Letters::Title));
    capital
        .chain(small)
        .chain(titles)
        .max_by_key(|((word, _), _)| word.len())
        .map(|((word, field), letters)| (*word, *field, letters))
}

fn is_lower_of(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday on.
pub const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub const ROMAN_MONTHS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
