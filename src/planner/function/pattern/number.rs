//! The patterns of numbers: `FM999,990.00` as digits, signs and the text between them.

use crate::error::{Error, message};

/// A pattern taken apart.
#[derive(Debug)]
pub struct NumberPattern {
    pub parts: Vec<NumberPart>,
    /// Digits before the point, those that `V` shifts included.
    pub whole: usize,
    /// Digits behind the point.
    pub fraction: usize,
    /// Digits behind `V`: the value is shown times so many tens.
    pub shift: usize,
    /// `FM`: without padding and without zeros at the end.
    pub is_bare: bool,
    pub has_point: bool,
    /// The place, among the digits, of the first zero before the point: from there on zeros are written out.
    pub zeros_from: Option<usize>,
    /// The place behind the last zero.
    pub zeros_to: usize,
    pub sign: SignStyle,
    /// `PL`, which writes a plus of its own beside the sign of the number.
    pub has_plus: bool,
    /// Roman numerals: whether in capitals.
    pub roman: Option<bool>,
    pub is_scientific: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberPart {
    /// `9`, or `0` when the flag says so.
    Digit(bool),
    Point,
    /// Between groups of digits.
    Group,
    /// `L`, which is a space in the locale C.
    Currency,
    Sign,
    Minus,
    Plus,
    PlusOrMinus,
    Bracket,
    /// `TH`; in capitals when the flag says so.
    Ordinal(bool),
    Roman,
    Shift,
    Scientific,
    Text(String),
}

/// Where the sign of the number goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignStyle {
    /// Before the first digit: a minus, or a space.
    Plain,
    /// `S` before the digits.
    Leading,
    /// `S` behind the digits.
    Trailing,
    /// `PR`: angle brackets around a negative number.
    Brackets,
    /// `MI` or `SG` write it.
    Elsewhere,
}

/// The longest words first. `C` and `B` mean nothing here.
const WORDS: &[&str] =
    &["EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", ",", ".", "0", "9", "B", "C", "D", "G", "L", "S", "V"];

impl NumberPattern {
    /// Errors: 42601 for parts that do not go together.
    pub fn of(text: &str) -> Result<Self, Error> {
        let mut pattern = NumberPattern {
            parts: Vec::new(),
            whole: 0,
            fraction: 0,
            shift: 0,
            is_bare: false,
            has_point: false,
            zeros_from: None,
            zeros_to: 0,
            sign: SignStyle::Plain,
            has_plus: false,
            roman: None,
            is_scientific: false,
        };
        let mut has_shift = false;
        let mut digits_before_sign = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = WORDS.iter().find(|word| {
                rest.starts_with(**word)
                    || rest.get(..word.len()).is_some_and(|start| start == word.to_ascii_lowercase())
            });
            let Some(word) = word else {
                rest = pattern.push_text(rest, first);
                continue;
            };
            let is_capital = rest.starts_with(word);
            rest = &rest[word.len()..];
            if pattern.is_scientific {
                return Err(message::number_pattern("\"EEEE\" must be the last pattern used"));
            }
            let is_sign = matches!(*word, "S" | "MI" | "PL" | "SG" | "PR");
            let has_sign = pattern.sign != SignStyle::Plain || pattern.has_plus;
            match *word {
                "9" | "0" if pattern.sign == SignStyle::Brackets => {
                    return Err(message::number_pattern(&format!("\"{word}\" must be ahead of \"PR\"")));
                }
                "9" | "0" => {
                    let is_zero = *word == "0";
                    if has_shift {
                        pattern.shift += 1;
                    } else if pattern.has_point {
                        pattern.fraction += 1;
                    } else {
                        if is_zero {
                            pattern.zeros_from.get_or_insert(pattern.whole);
                        }
                        pattern.whole += 1;
                    }
                    if is_zero {
                        pattern.zeros_to = pattern.whole + pattern.fraction;
                    }
                    pattern.parts.push(NumberPart::Digit(is_zero));
                }
                "." | "D" => {
                    if pattern.has_point {
                        return Err(message::number_pattern("multiple decimal points"));
                    }
                    if has_shift {
                        return Err(message::number_pattern("cannot use \"V\" and decimal point together"));
                    }
                    pattern.has_point = true;
                    pattern.parts.push(NumberPart::Point);
                }
                "," | "G" => pattern.parts.push(NumberPart::Group),
                "L" => pattern.parts.push(NumberPart::Currency),
                "FM" => pattern.is_bare = true,
                "V" => {
                    if pattern.has_point {
                        return Err(message::number_pattern("cannot use \"V\" and decimal point together"));
                    }
                    has_shift = true;
                    pattern.parts.push(NumberPart::Shift);
                }
                "TH" => pattern.parts.push(NumberPart::Ordinal(is_capital)),
                "RN" => {
                    pattern.roman = Some(is_capital);
                    pattern.parts.push(NumberPart::Roman);
                }
                "EEEE" => {
                    if has_sign || pattern.is_bare || pattern.roman.is_some() || has_shift {
                        return Err(message::number_pattern("\"EEEE\" is incompatible with other formats"));
                    }
                    pattern.is_scientific = true;
                    pattern.parts.push(NumberPart::Scientific);
                }
                word if is_sign => {
                    pattern.add_sign(word, has_sign)?;
                    if word == "S" {
                        digits_before_sign = Some(pattern.whole);
                    }
                }
                _ => {}
            }
        }
        pattern.whole += pattern.shift;
        // A sign behind all digits before the point stands at the end.
        if pattern.sign == SignStyle::Leading && digits_before_sign == Some(pattern.whole) {
            pattern.sign = SignStyle::Trailing;
        }
        Ok(pattern)
    }

    fn add_sign(&mut self, word: &str, has_sign: bool) -> Result<(), Error> {
        let is_locale = matches!(self.sign, SignStyle::Leading | SignStyle::Trailing);
        match word {
            "S" if is_locale => return Err(message::number_pattern("cannot use \"S\" twice")),
            "S" if has_sign => {
                return Err(message::number_pattern("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
            }
            "MI" | "PL" | "SG" if is_locale => {
                return Err(message::number_pattern(&format!("cannot use \"S\" and \"{word}\" together")));
            }
            "PR" if has_sign => {
                return Err(message::number_pattern("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            _ => {}
        }
        let (style, part) = match word {
            "S" if self.has_point => (SignStyle::Trailing, NumberPart::Sign),
            "S" => (SignStyle::Leading, NumberPart::Sign),
            "MI" => (SignStyle::Elsewhere, NumberPart::Minus),
            "SG" => (SignStyle::Elsewhere, NumberPart::PlusOrMinus),
            "PR" => (SignStyle::Brackets, NumberPart::Bracket),
            _ => {
                self.has_plus = true;
                self.parts.push(NumberPart::Plus);
                return Ok(());
            }
        };
        self.sign = style;
        self.parts.push(part);
        Ok(())
    }

    /// Digits behind the point of a number that is read by this pattern.
    pub fn scale(&self) -> usize {
        self.fraction + self.shift
    }

    fn push_text<'a>(&mut self, text: &'a str, first: char) -> &'a str {
        let mut chars = text.chars();
        chars.next();
        let mut taken = String::new();
        match first {
            '"' => {
                while let Some(char) = chars.next() {
                    match char {
                        '"' => break,
                        '\\' => taken.extend(chars.next()),
                        char => taken.push(char),
                    }
                }
            }
            '\\' if chars.as_str().starts_with('"') => taken.extend(chars.next()),
            char => taken.push(char),
        }
        self.parts.push(NumberPart::Text(taken));
        chars.as_str()
    }
}
