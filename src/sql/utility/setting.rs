//! SET, RESET, SHOW, and the values that they name.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, message};
use crate::sql::grammar::Grammar;
use crate::sql::statement::{SetScope, SetValue, StatementKind};

impl Grammar<'_> {
    pub(super) fn setting(&mut self, verb: &str) -> Result<StatementKind> {
        self.words(1);
        if verb != "set" {
            let name = self.setting_name()?;
            self.end()?;
            let name = (name != "all").then_some(name);
            return Ok(if verb == "show" { StatementKind::Show(name) } else { StatementKind::Reset(name) });
        }
        let mut scope = SetScope::Session;
        let mut session = false;
        if self.eat("local") {
            scope = SetScope::Local;
        } else {
            session = self.eat("session");
        }
        match self.peek_word(0).as_deref() {
            Some("characteristics") if session => {
                self.words(1);
                self.keyword("as")?;
                self.keyword("transaction")?;
                let modes = self.transaction_modes()?;
                self.end()?;
                return Ok(StatementKind::SetTransaction { modes, session: true });
            }
            Some("transaction") if !session => {
                self.words(1);
                let modes = self.transaction_modes()?;
                self.end()?;
                return Ok(StatementKind::SetTransaction { modes, session: false });
            }
            _ => {}
        }
        // `SESSION` was the first word of the name, not the scope.
        let name = match session && self.eat("authorization") {
            true => "session_authorization".to_owned(),
            false => self.setting_name()?,
        };
        // Some names are followed by their value without a sign.
        let bare = matches!(name.as_str(), "timezone" | "role" | "session_authorization" | "client_encoding")
            && !self.is_assignment();
        if !bare && !self.parser.consume_token(&Token::Eq) {
            self.keyword("to")?;
        }
        let value = self.set_value(&name)?;
        self.end()?;
        Ok(StatementKind::Set { scope, name, value })
    }

    fn is_assignment(&self) -> bool {
        self.parser.peek_token_ref().token == Token::Eq || self.peek_word(0).as_deref() == Some("to")
    }

    fn set_value(&mut self, name: &str) -> Result<SetValue> {
        if matches!(self.peek_word(0).as_deref(), Some("default"))
            || (name == "timezone" && matches!(self.peek_word(0).as_deref(), Some("local")))
        {
            self.words(1);
            return Ok(SetValue::Default);
        }
        if name == "timezone" && self.peek_word(0).as_deref() == Some("interval") {
            return Err(message::unsupported("SET TIME ZONE INTERVAL …"));
        }
        let mut values = vec![self.value()?];
        while self.parser.consume_token(&Token::Comma) {
            values.push(self.value()?);
        }
        Ok(SetValue::Values(values))
    }

    /// `search_path`, `regulars.as_of`, `TIME ZONE`, `NAMES`, … in lower case.
    fn setting_name(&mut self) -> Result<String> {
        let first = self.identifier()?.to_lowercase();
        match (first.as_str(), self.peek_word(0).as_deref()) {
            ("time", Some("zone")) => {
                self.words(1);
                return Ok("timezone".to_owned());
            }
            ("transaction", Some("isolation")) => {
                self.words(1);
                self.keyword("level")?;
                return Ok("transaction_isolation".to_owned());
            }
            ("session", Some("authorization")) => {
                self.words(1);
                return Ok("session_authorization".to_owned());
            }
            ("names", _) => return Ok("client_encoding".to_owned()),
            _ => {}
        }
        let mut name = first;
        while self.parser.consume_token(&Token::Period) {
            name = format!("{name}.{}", self.identifier()?.to_lowercase());
        }
        Ok(name)
    }

    /// One value of SET: a word, a string or a number, as text.
    pub(super) fn value(&mut self) -> Result<String> {
        let sign = if self.parser.consume_token(&Token::Minus) {
            "-"
        } else {
            let _sign = self.parser.consume_token(&Token::Plus);
            ""
        };
        let text = match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
            Token::DollarQuotedString(text) => text.value.clone(),
            Token::Number(number, _) => format!("{sign}{number}"),
            Token::Word(word) if word.quote_style.is_some() => word.value.clone(),
            Token::Word(word) => word.value.to_lowercase(),
            _ => return Err(self.unexpected()),
        };
        self.parser.next_token();
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn one(text: &str) -> StatementKind {
        parse(text).unwrap().remove(0).kind
    }

    #[test]
    fn settings_in_all_spellings() {
        for (text, name, value) in [
            ("SET TIME ZONE 'Asia/Taipei'", "timezone", "Asia/Taipei"),
            ("SET SESSION TIMEZONE TO 'UTC'", "timezone", "UTC"),
            ("set timezone = utc", "timezone", "utc"),
            ("SET NAMES 'UTF8'", "client_encoding", "UTF8"),
            ("SET regulars.as_of TO '2026-09-30'", "regulars.as_of", "2026-09-30"),
            ("SET statement_timeout = 5000", "statement_timeout", "5000"),
            ("SET extra_float_digits TO -3", "extra_float_digits", "-3"),
            ("SET SESSION AUTHORIZATION 'Ada'", "session_authorization", "Ada"),
            ("SET SESSION SESSION AUTHORIZATION ada", "session_authorization", "ada"),
            ("SET ROLE none", "role", "none"),
        ] {
            let StatementKind::Set { scope: SetScope::Session, name: n, value: SetValue::Values(v) } = one(text) else {
                panic!("{text}")
            };
            assert_eq!((n.as_str(), v.as_slice()), (name, [value.to_owned()].as_slice()), "{text}");
        }
        assert!(matches!(one("SET LOCAL search_path TO a, b"), StatementKind::Set { scope: SetScope::Local, .. }));
        assert!(matches!(one("SHOW TIME ZONE"), StatementKind::Show(Some(name)) if name == "timezone"));
        assert!(matches!(one("SHOW ALL"), StatementKind::Show(None)));
    }
}
