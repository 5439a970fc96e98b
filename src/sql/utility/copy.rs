//! COPY … TO STDOUT, with the options in both of PostgreSQL's spellings.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, message};
use crate::sql::grammar::Grammar;
use crate::sql::statement::{Copy, CopyFormat, CopyOptions, CopySource, ForceQuote, StatementKind};

/// Options as they were given; what is missing depends on the format.
#[derive(Default)]
struct Given {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<bool>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ForceQuote>,
    encoding: Option<String>,
}

impl Grammar<'_> {
    /// Errors: 42601; 0A000 for COPY … FROM, for files and programs; 22023 and 0A000 for options that make no sense.
    pub(super) fn copy(&mut self) -> Result<StatementKind> {
        self.words(1);
        let mut given = Given::default();
        if self.peek_word(0).as_deref() == Some("binary") && self.peek_word(1).is_some_and(|word| word != "to") {
            self.words(1);
            given.format = Some(CopyFormat::Binary);
        }
        let what = if self.parser.consume_token(&Token::LParen) {
            let query = match self.peek_word(0).as_deref() {
                Some(verb @ ("insert" | "update" | "delete" | "merge")) => {
                    return Ok(StatementKind::Unsupported(verb.to_uppercase()));
                }
                _ => self.query_inside()?,
            };
            self.sign(&Token::RParen)?;
            CopySource::Query(query)
        } else {
            CopySource::Relation { name: self.name()?, columns: self.column_names()? }
        };
        match (self.word()?.as_str(), &what) {
            ("to", _) => {}
            ("from", CopySource::Relation { .. }) => {
                return Ok(StatementKind::Unsupported("COPY … FROM".to_owned()));
            }
            _ => return Err(self.unexpected_last()),
        }
        match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) => return Err(message::copy_to_file()),
            _ => match self.word()?.as_str() {
                // PostgreSQL takes either word for either direction.
                "stdout" | "stdin" => {}
                "program" => return Err(message::copy_to_file()),
                _ => return Err(self.unexpected_last()),
            },
        }
        self.copy_options(&mut given)?;
        self.end()?;
        Ok(StatementKind::Copy(Box::new(Copy { what, options: given.settled()? })))
    }

    /// Names in parentheses, or none.
    pub(super) fn column_names(&mut self) -> Result<Vec<String>> {
        let mut columns = Vec::new();
        if self.parser.consume_token(&Token::LParen) {
            columns = self.identifiers()?;
            self.sign(&Token::RParen)?;
        }
        Ok(columns)
    }

    fn identifiers(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.identifier()?);
        }
        Ok(names)
    }

    fn copy_options(&mut self, given: &mut Given) -> Result<()> {
        self.eat("with");
        if self.parser.consume_token(&Token::LParen) {
            loop {
                let position = self.places.position_of_byte(self.here());
                let option = self.word()?;
                self.copy_option(&option, given).map_err(|error| match error.position() {
                    None if option != "header" => error.with_position(position),
                    _ => error,
                })?;
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            return self.sign(&Token::RParen);
        }
        while let Some(option) = self.peek_word(0) {
            self.words(1);
            match option.as_str() {
                "binary" => once(&mut given.format, CopyFormat::Binary)?,
                "csv" => once(&mut given.format, CopyFormat::Csv)?,
                "header" => once(&mut given.header, true)?,
                "delimiter" | "null" | "quote" | "escape" | "encoding" => {
                    self.eat("as");
                    let value = self.text_value()?;
                    once(given.text(&option)?, value)?;
                }
                "force" => {
                    self.keyword("quote")?;
                    let columns = if self.parser.consume_token(&Token::Mul) {
                        ForceQuote::All
                    } else {
                        ForceQuote::Columns(self.identifiers()?)
                    };
                    once(&mut given.force_quote, columns)?;
                }
                _ => return Err(self.unexpected_last()),
            }
        }
        Ok(())
    }

    fn copy_option(&mut self, option: &str, given: &mut Given) -> Result<()> {
        match option {
            "format" => {
                let name = self.value()?;
                let format = match name.as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    "parquet" => CopyFormat::Parquet,
                    _ => return Err(message::copy_format_unknown(&name)),
                };
                once(&mut given.format, format)
            }
            "header" => {
                let is_alone = matches!(self.parser.peek_token_ref().token, Token::Comma | Token::RParen);
                let header = is_alone || self.truth(option)?;
                once(&mut given.header, header)
            }
            // Only of loading.
            "freeze" | "force_not_null" | "force_null" => Err(message::copy_option_of_loading(option)),
            "force_quote" => {
                let columns = if self.parser.consume_token(&Token::Mul) {
                    ForceQuote::All
                } else {
                    ForceQuote::Columns(self.column_names()?)
                };
                if columns == ForceQuote::Columns(Vec::new()) {
                    return Err(message::copy_columns_missing(option));
                }
                once(&mut given.force_quote, columns)
            }
            _ => {
                let slot = given.text(option)?;
                let value = self.value()?;
                once(slot, value)
            }
        }
    }

    fn truth(&mut self, option: &str) -> Result<bool> {
        let value = self.value()?;
        match value.as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            "match" => Err(message::copy_header_match()),
            _ => Err(message::copy_needs_truth(option)),
        }
    }

    fn text_value(&mut self) -> Result<String> {
        match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {
                self.value()
            }
            _ => Err(self.unexpected()),
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(message::copy_option_twice());
    }
    *slot = Some(value);
    Ok(())
}

impl Given {
    fn text(&mut self, option: &str) -> Result<&mut Option<String>> {
        Ok(match option {
            "delimiter" => &mut self.delimiter,
            "null" => &mut self.null,
            "quote" => &mut self.quote,
            "escape" => &mut self.escape,
            "encoding" => &mut self.encoding,
            _ => return Err(message::copy_option_unknown(option)),
        })
    }

    /// With PostgreSQL's defaults, and checked as PostgreSQL checks them.
    fn settled(self) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let (is_csv, is_binary) = (format == CopyFormat::Csv, format == CopyFormat::Binary);
        let is_lines = !is_binary && format != CopyFormat::Parquet;
        for (is_given, name) in
            [(self.delimiter.is_some(), "DELIMITER"), (self.null.is_some(), "NULL"), (self.header.is_some(), "HEADER")]
        {
            if is_given && !is_lines {
                return Err(message::copy_option_of_lines(name, if is_binary { "BINARY" } else { "PARQUET" }));
            }
        }
        for (is_given, name) in [
            (self.quote.is_some(), "quote"),
            (self.escape.is_some(), "escape"),
            (self.force_quote.is_some(), "force quote"),
        ] {
            if is_given && !is_csv {
                return Err(message::copy_option_of_csv(name));
            }
        }
        if let Some(encoding) = &self.encoding
            && !matches!(encoding.to_ascii_lowercase().replace('-', "").as_str(), "utf8" | "unicode")
        {
            return Err(message::copy_encoding(encoding));
        }
        let delimiter = one_byte(self.delimiter.as_deref(), if is_csv { b',' } else { b'\t' }, "delimiter")?;
        let null = self.null.unwrap_or_else(|| if is_csv { String::new() } else { "\\N".to_owned() });
        let quote = one_byte(self.quote.as_deref(), b'"', "quote")?;
        let escape = one_byte(self.escape.as_deref(), quote, "escape")?;
        if matches!(delimiter, b'\n' | b'\r') {
            return Err(message::copy_breaks_lines("delimiter"));
        }
        if null.contains(['\n', '\r']) {
            return Err(message::copy_breaks_lines("null representation"));
        }
        // In text, these mean something behind a backslash or begin a number.
        if !is_csv && (b"\\.".contains(&delimiter) || delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit()) {
            return Err(message::copy_delimiter(char::from(delimiter)));
        }
        if is_csv && delimiter == quote {
            return Err(message::copy_delimiter_is_quote());
        }
        if null.as_bytes().contains(&delimiter) {
            return Err(message::copy_delimiter_in_null());
        }
        if is_csv && null.as_bytes().contains(&quote) {
            return Err(message::copy_quote_in_null());
        }
        let header = self.header.unwrap_or(false);
        let force_quote = self.force_quote.unwrap_or(ForceQuote::Columns(Vec::new()));
        Ok(CopyOptions { format, delimiter, null, header, quote, escape, force_quote })
    }
}

fn one_byte(given: Option<&str>, default: u8, what: &str) -> Result<u8> {
    match given.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => Err(message::copy_not_one_byte(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn options(text: &str) -> CopyOptions {
        match parse(&format!("COPY (SELECT 1) TO STDOUT {text}")).unwrap().remove(0).kind {
            StatementKind::Copy(copy) => copy.options,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(text: &str) -> String {
        let error = parse(&format!("COPY members {text}")).unwrap_err();
        format!("{} {}", error.state().code(), error.message())
    }

    #[test]
    fn both_spellings_mean_the_same() {
        assert_eq!(
            options("WITH (FORMAT csv, HEADER, DELIMITER ';', FORCE_QUOTE (a, \"B\"))"),
            options("CSV HEADER DELIMITER AS ';' FORCE QUOTE a, \"B\"")
        );
        assert_eq!(options("(FORMAT 'csv', NULL 'x', QUOTE '''')"), options("WITH NULL 'x' CSV QUOTE ''''"));
        assert_eq!(options("BINARY"), options("(FORMAT binary)"));
        assert_eq!(options("").null, "\\N");
    }

    /// The answers of PostgreSQL 15.
    #[test]
    fn refuses_as_postgresql_does() {
        for (text, refused) in [
            ("TO STDOUT (FORMAT xml)", "22023 COPY format \"xml\" not recognized"),
            ("TO STDOUT (DELIMITER ';;')", "0A000 COPY delimiter must be a single one-byte character"),
            ("TO STDOUT (DELIMITER 'a')", "22023 COPY delimiter cannot be \"a\""),
            ("TO STDOUT (QUOTE 'x')", "0A000 COPY quote available only in CSV mode"),
            ("TO STDOUT (FORMAT binary, DELIMITER ';')", "42601 cannot specify DELIMITER in BINARY mode"),
            ("TO STDOUT (FORMAT csv, FORMAT csv)", "42601 conflicting or redundant options"),
            ("TO STDOUT (COLOUR red)", "42601 option \"colour\" not recognized"),
            ("TO STDOUT (FORMAT csv, DELIMITER '\"')", "22023 COPY delimiter and quote must be different"),
            ("TO STDOUT (NULL E'\\n')", "22023 COPY null representation cannot use newline or carriage return"),
        ] {
            assert_eq!(refusal(text), refused, "{text}");
        }
        assert!(refusal("TO '/etc/passwd'").starts_with("0A000"));
        assert!(refusal("TO PROGRAM 'sh'").starts_with("0A000"));
    }
}
