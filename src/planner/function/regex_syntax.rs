//! PostgreSQL's regular expressions (and SIMILAR TO's) as those of the `regex` crates.
//!
//! Refused (0A000): references back and looks around, which take more than one pass over a text.

use crate::error::{Error, message};

/// How an expression is to be read: the letters behind the pattern in `regexp_match(text, pattern, 'i')`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    pub is_global: bool,
    pub is_case_blind: bool,
    /// `.` and `[^…]` do not match the end of a line.
    pub stops_at_lines: bool,
    /// `^` and `$` match at every line.
    pub has_line_anchors: bool,
    pub is_expanded: bool,
    pub is_quoted: bool,
}

impl Flags {
    /// Errors: 22023 for an unknown letter.
    pub fn of(letters: &str) -> Result<Self, Error> {
        let mut flags = Flags::default();
        for letter in letters.chars() {
            flags.add(letter).ok_or_else(|| message::regex_option_invalid(letter))??;
        }
        Ok(flags)
    }

    fn add(&mut self, letter: char) -> Option<Result<(), Error>> {
        match letter {
            'g' => self.is_global = true,
            'i' => self.is_case_blind = true,
            'c' => self.is_case_blind = false,
            'n' | 'm' => (self.stops_at_lines, self.has_line_anchors) = (true, true),
            's' => (self.stops_at_lines, self.has_line_anchors) = (false, false),
            'p' => (self.stops_at_lines, self.has_line_anchors) = (true, false),
            'w' => (self.stops_at_lines, self.has_line_anchors) = (false, true),
            'x' => self.is_expanded = true,
            't' => self.is_expanded = false,
            'q' => self.is_quoted = true,
            'b' | 'e' => {
                return Some(Err(message::unsupported("a regular expression of the basic or extended kind")));
            }
            _ => return None,
        }
        Some(Ok(()))
    }
}

/// An expression translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// In the syntax of the `regex` crates.
    pub text: String,
    /// Whether the shortest match is asked for, not the longest.
    pub is_lazy: bool,
    /// Whether the first match in the order of alternatives may not be the longest.
    pub is_ambiguous: bool,
    pub is_case_blind: bool,
}

/// Errors: 2201B for an expression that is none, 0A000.
pub fn translated(pattern: &str, mut flags: Flags) -> Result<Translated, Error> {
    let mut pattern = pattern;
    if let Some(literal) = pattern.strip_prefix("***=") {
        (pattern, flags.is_quoted) = (literal, true);
    } else if let Some(advanced) = pattern.strip_prefix("***:") {
        pattern = advanced;
    }
    if !flags.is_quoted
        && let Some((letters, rest)) = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')'))
        && !letters.is_empty()
        && letters.bytes().all(|letter| letter.is_ascii_lowercase())
    {
        for letter in letters.chars() {
            flags.add(letter).ok_or_else(|| message::regex_invalid("invalid embedded option"))??;
        }
        pattern = rest;
    }
    if flags.is_quoted {
        let text = escaped(pattern);
        return Ok(Translated { text, is_lazy: false, is_ambiguous: false, is_case_blind: flags.is_case_blind });
    }
    let mut reader = Reader { chars: pattern.chars().collect(), at: 0, flags, out: String::new(), turns: 0 };
    let greed = reader.alternatives(0)?;
    if reader.at < reader.chars.len() {
        return Err(message::regex_invalid("parentheses () not balanced"));
    }
    Ok(Translated {
        text: reader.out,
        is_lazy: greed == Some(Greed::Lazy),
        is_ambiguous: reader.turns > 1 || greed == Some(Greed::Lazy),
        is_case_blind: flags.is_case_blind,
    })
}

/// The pattern of SIMILAR TO as a regular expression that matches the whole text.
///
/// Errors: 22025 for an escape character that is more than one.
pub fn of_similar(pattern: &str, escape: Option<&str>) -> Result<String, Error> {
    let escape = escape_of(escape)?;
    let mut out = String::from("^(?:");
    let mut chars = pattern.chars();
    let mut separators = 0;
    let mut in_brackets = false;
    while let Some(char) = chars.next() {
        if Some(char) == escape {
            match chars.next() {
                // Two of them mark the part that `substring` takes.
                Some('"') if !in_brackets => {
                    out.push_str(match separators {
                        0 => "){1,1}?(",
                        1 => "){1,1}(?:",
                        _ => return Err(message::similar_separators()),
                    });
                    separators += 1;
                }
                Some(char) => push_escaped(&mut out, char),
                None => return Err(message::regex_invalid("invalid escape \\ sequence")),
            }
            continue;
        }
        match char {
            ']' if in_brackets => {
                in_brackets = false;
                out.push(']');
            }
            '\\' if in_brackets => out.push_str("\\\\"),
            char if in_brackets => out.push(char),
            '[' => {
                in_brackets = true;
                out.push('[');
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '(' => out.push_str("(?:"),
            '.' | '^' | '$' | '\\' => push_escaped(&mut out, char),
            char => out.push(char),
        }
    }
    out.push_str(")$");
    Ok(out)
}

fn escape_of(escape: Option<&str>) -> Result<Option<char>, Error> {
    let Some(escape) = escape else { return Ok(Some('\\')) };
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (_, Some(_)) => Err(message::escape_invalid()),
        (escape, None) => Ok(escape),
    }
}

fn push_escaped(out: &mut String, char: char) {
    if char.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(char);
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|char| push_escaped(&mut out, char));
    out
}

/// What a quantifier prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greed {
    Greedy,
    Lazy,
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    out: String,
    /// Places at which a match may go on in more than one way.
    turns: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek();
        self.at += usize::from(char.is_some());
        char
    }

    fn takes(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let is_there =
            self.chars.get(self.at..self.at + length).is_some_and(|chars| chars.iter().copied().eq(text.chars()));
        self.at += if is_there { length } else { 0 };
        is_there
    }

    /// Branches between `|`; what the whole prefers.
    fn alternatives(&mut self, depth: usize) -> Result<Option<Greed>, Error> {
        let mut greed = self.branch(depth)?;
        while self.peek() == Some('|') {
            self.at += 1;
            self.out.push('|');
            self.branch(depth)?;
            self.turns += 2;
            greed = Some(Greed::Greedy);
        }
        Ok(greed)
    }

    fn branch(&mut self, depth: usize) -> Result<Option<Greed>, Error> {
        let mut greed = None;
        while let Some(char) = self.peek() {
            if char == '|' || (char == ')' && depth > 0) {
                break;
            }
            if char == ')' {
                return Err(message::regex_invalid("parentheses () not balanced"));
            }
            if self.skips_space() {
                continue;
            }
            let (is_atom, inner) = self.atom(depth)?;
            let own = self.quantifier(is_atom)?;
            greed = greed.or(own.or(inner));
        }
        Ok(greed)
    }

    /// Spaces and comments, where they do not count.
    fn skips_space(&mut self) -> bool {
        if self.takes("(?#") {
            while self.next().is_some_and(|char| char != ')') {}
            return true;
        }
        match self.peek() {
            Some(char) if self.flags.is_expanded && char.is_whitespace() => {
                self.at += 1;
                true
            }
            Some('#') if self.flags.is_expanded => {
                while self.next().is_some_and(|char| char != '\n') {}
                true
            }
            _ => false,
        }
    }

    /// An atom, or a condition, which no quantifier may follow; what an inner expression prefers.
    fn atom(&mut self, depth: usize) -> Result<(bool, Option<Greed>), Error> {
        if self.takes("(?=") || self.takes("(?!") || self.takes("(?<=") || self.takes("(?<!") {
            return Err(message::unsupported("a regular expression that looks ahead or behind"));
        }
        let Some(char) = self.next() else { return Ok((false, None)) };
        match char {
            '(' => {
                self.out.push('(');
                if self.takes("?:") {
                    self.out.push_str("?:");
                }
                let greed = self.alternatives(depth + 1)?;
                if self.next() != Some(')') {
                    return Err(message::regex_invalid("parentheses () not balanced"));
                }
                self.out.push(')');
                return Ok((true, greed));
            }
            '[' => self.brackets()?,
            '.' => self.out.push_str(if self.flags.stops_at_lines { "[^\\n]" } else { "(?s:.)" }),
            '^' => {
                self.out.push_str(if self.flags.has_line_anchors { "(?m:^)" } else { "^" });
                return Ok((false, None));
            }
            '$' => {
                self.out.push_str(if self.flags.has_line_anchors { "(?m:$)" } else { "$" });
                return Ok((false, None));
            }
            '\\' => return Ok((self.escape()?, None)),
            '*' | '+' | '?' => return Err(message::regex_invalid("quantifier operand invalid")),
            '{' if self.peek().is_some_and(|char| char.is_ascii_digit()) => {
                return Err(message::regex_invalid("quantifier operand invalid"));
            }
            char => push_escaped(&mut self.out, char),
        }
        Ok((true, None))
    }

    fn quantifier(&mut self, is_atom: bool) -> Result<Option<Greed>, Error> {
        let is_quantifier = match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit),
            _ => false,
        };
        if !is_quantifier {
            return Ok(None);
        }
        if !is_atom {
            return Err(message::regex_invalid("quantifier operand invalid"));
        }
        let mut is_fixed = false;
        if self.takes("{") {
            let bounds: String = std::iter::from_fn(|| self.next().filter(|char| *char != '}')).collect();
            let (least, most) = bounds.split_once(',').unwrap_or((&bounds, &bounds));
            let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number <= 255);
            let least_count = number(least).ok_or_else(|| message::regex_invalid("invalid repetition count(s)"))?;
            if !most.is_empty() && number(most).is_none_or(|most| most < least_count) {
                return Err(message::regex_invalid("invalid repetition count(s)"));
            }
            is_fixed = most == least;
            self.out.push_str(&format!("{{{bounds}}}"));
        } else {
            let mark = self.next();
            self.out.extend(mark);
        }
        let is_lazy = self.takes("?");
        if is_lazy {
            self.out.push('?');
        }
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(message::regex_invalid("quantifier operand invalid"));
        }
        self.turns += usize::from(!is_fixed);
        Ok(match (is_lazy, is_fixed) {
            (true, _) => Some(Greed::Lazy),
            (false, true) => None,
            (false, false) => Some(Greed::Greedy),
        })
    }

    /// What stands behind a backslash; whether it is an atom.
    fn escape(&mut self) -> Result<bool, Error> {
        let invalid = || message::regex_invalid("invalid escape \\ sequence");
        let char = self.next().ok_or_else(invalid)?;
        match char {
            'd' | 's' | 'w' | 'D' | 'S' | 'W' => {
                self.out.push('\\');
                self.out.push(char);
            }
            'm' => self.out.push_str("\\b{start}"),
            'M' => self.out.push_str("\\b{end}"),
            'y' => self.out.push_str("\\b"),
            'Y' => self.out.push_str("\\B"),
            'A' => self.out.push_str("\\A"),
            'Z' => self.out.push_str("\\z"),
            '1'..='9' => return Err(message::unsupported("a regular expression with a reference back")),
            char => {
                let char = self.escaped_char(char).ok_or_else(invalid)?;
                push_escaped(&mut self.out, char);
            }
        }
        Ok(!matches!(char, 'm' | 'M' | 'y' | 'Y' | 'A' | 'Z'))
    }

    fn escaped_char(&mut self, char: char) -> Option<char> {
        Some(match char {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '0' => '\0',
            'x' => self.hexadecimal(1, usize::MAX)?,
            'u' => self.hexadecimal(4, 4)?,
            'U' => self.hexadecimal(8, 8)?,
            char if char.is_ascii_alphanumeric() => return None,
            char => char,
        })
    }

    fn hexadecimal(&mut self, least: usize, most: usize) -> Option<char> {
        let mut value = 0_u32;
        let mut count = 0;
        while count < most
            && let Some(digit) = self.peek().and_then(|char| char.to_digit(16))
        {
            value = value.checked_mul(16)?.checked_add(digit)?;
            self.at += 1;
            count += 1;
        }
        if count < least { None } else { char::from_u32(value) }
    }

    /// A bracket expression, behind its `[`.
    fn brackets(&mut self) -> Result<(), Error> {
        let unbalanced = || message::regex_invalid("brackets [] not balanced");
        self.out.push('[');
        let is_negated = self.takes("^");
        if is_negated {
            self.out.push('^');
            if self.flags.stops_at_lines {
                self.out.push_str("\\n");
            }
        }
        let mut is_first = true;
        loop {
            let char = self.next().ok_or_else(unbalanced)?;
            match char {
                ']' if !is_first => break,
                '[' if self.peek() == Some(':') => self.class()?,
                '[' if matches!(self.peek(), Some('.' | '=')) => {
                    return Err(message::unsupported("a collating element in a regular expression"));
                }
                '\\' => match self.next().ok_or_else(unbalanced)? {
                    shorthand @ ('d' | 's' | 'w') => {
                        self.out.push('\\');
                        self.out.push(shorthand);
                    }
                    char => {
                        let char = self.escaped_char(char);
                        let char = char.ok_or_else(|| message::regex_invalid("invalid escape \\ sequence"))?;
                        push_escaped(&mut self.out, char);
                    }
                },
                '-' if !is_first && self.peek() != Some(']') => self.out.push('-'),
                char => push_escaped(&mut self.out, char),
            }
            is_first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]`, behind its first bracket.
    fn class(&mut self) -> Result<(), Error> {
        self.at += 1;
        let name: String = std::iter::from_fn(|| self.next().filter(|char| *char != ':')).collect();
        if self.next() != Some(']') {
            return Err(message::regex_invalid("invalid character class"));
        }
        self.out.push_str(match name.as_str() {
            "alpha" => "\\p{Alphabetic}",
            "alnum" => "\\p{Alphabetic}\\p{Nd}",
            "digit" => "\\d",
            "space" => "\\s",
            "word" => "\\w",
            "upper" => "\\p{Uppercase}",
            "lower" => "\\p{Lowercase}",
            "punct" => "[:punct:]",
            "blank" => "[:blank:]",
            "cntrl" => "[:cntrl:]",
            "graph" => "[:graph:]",
            "print" => "[:print:]",
            "xdigit" => "[:xdigit:]",
            _ => return Err(message::regex_invalid("invalid character class")),
        });
        Ok(())
    }
}
