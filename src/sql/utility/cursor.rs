//! PREPARE, EXECUTE, DECLARE, FETCH, MOVE: statements and results that are kept by name.

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, message};
use crate::sql::grammar::Grammar;
use crate::sql::parameter::of_sql;
use crate::sql::statement::{Declare, Direction, Fetch, Prepare, Statement, StatementKind};

impl Grammar<'_> {
    pub(super) fn prepare(&mut self) -> Result<StatementKind> {
        self.words(1);
        let name = self.identifier()?;
        let mut types = Vec::new();
        if self.parser.consume_token(&Token::LParen) {
            loop {
                let given = self.parser.parse_data_type().map_err(|error| self.refusal(&error))?;
                types.push(of_sql(&given).ok_or_else(|| message::type_missing(&given.to_string()))?);
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            self.sign(&Token::RParen)?;
        }
        self.keyword("as")?;
        let range = self.here()..self.end;
        let kind = match self.peek_word(0).as_deref() {
            Some("insert" | "update" | "delete" | "merge") => self.statement()?,
            _ => StatementKind::Query(self.query()?),
        };
        let query = Statement { kind, text: Arc::from(self.text()), range };
        Ok(StatementKind::Prepare(Box::new(Prepare { name, types, query })))
    }

    pub(super) fn execute(&mut self) -> Result<StatementKind> {
        self.words(1);
        let name = self.identifier()?;
        let mut arguments = Vec::new();
        if self.parser.consume_token(&Token::LParen) {
            loop {
                arguments.push(self.expression()?);
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            self.sign(&Token::RParen)?;
        }
        self.end()?;
        Ok(StatementKind::Execute { name, arguments })
    }

    pub(super) fn declare(&mut self) -> Result<StatementKind> {
        self.words(1);
        let name = self.identifier()?;
        let (mut is_binary, mut scrolls, mut scrolls_not) = (false, false, false);
        loop {
            match self.word()?.as_str() {
                "binary" => is_binary = true,
                // A result never changes below its cursor.
                "insensitive" => {}
                "asensitive" => {}
                "scroll" => scrolls = true,
                "no" => {
                    self.keyword("scroll")?;
                    scrolls_not = true;
                }
                "cursor" => break,
                _ => return Err(self.unexpected_last()),
            }
        }
        if scrolls && scrolls_not {
            return Err(message::scroll_and_no_scroll());
        }
        let mut holds = false;
        if matches!(self.peek_word(0).as_deref(), Some("with" | "without")) {
            holds = self.word()? == "with";
            self.keyword("hold")?;
        }
        self.keyword("for")?;
        let query = self.query()?;
        Ok(StatementKind::Declare(Box::new(Declare { name, is_binary, scrolls, holds, query })))
    }

    pub(super) fn fetch(&mut self, moves: bool) -> Result<StatementKind> {
        self.words(1);
        // A name may be any word: a direction is one that is followed by more.
        let direction = if self.is_last_token() { None } else { self.direction()? };
        if !self.eat("from") {
            self.eat("in");
        }
        let name = self.identifier()?;
        self.end()?;
        let direction = direction.unwrap_or(Direction::Forward(Some(1)));
        Ok(StatementKind::Fetch(Fetch { name, direction, moves }))
    }

    fn direction(&mut self) -> Result<Option<Direction>> {
        let Some(word) = self.peek_word(0) else {
            return match self.parser.peek_token_ref().token {
                Token::Number(..) | Token::Minus | Token::Plus => Ok(Some(forward(self.whole_number()?))),
                _ => Ok(None),
            };
        };
        Ok(Some(match word.as_str() {
            "next" => self.passed(Direction::Forward(Some(1))),
            "prior" => self.passed(Direction::Backward(Some(1))),
            "first" => self.passed(Direction::Absolute(1)),
            "last" => self.passed(Direction::Absolute(-1)),
            "all" => self.passed(Direction::Forward(None)),
            "absolute" => {
                self.words(1);
                Direction::Absolute(self.whole_number()?)
            }
            "relative" => {
                self.words(1);
                Direction::Relative(self.whole_number()?)
            }
            "forward" | "backward" => {
                self.words(1);
                let is_number =
                    matches!(self.parser.peek_token_ref().token, Token::Number(..) | Token::Minus | Token::Plus);
                let walk = if self.eat("all") {
                    Direction::Forward(None)
                } else if is_number {
                    forward(self.whole_number()?)
                } else {
                    Direction::Forward(Some(1))
                };
                if word == "forward" { walk } else { turned(walk) }
            }
            _ => return Ok(None),
        }))
    }

    fn passed(&mut self, direction: Direction) -> Direction {
        self.words(1);
        direction
    }

    fn whole_number(&mut self) -> Result<i64> {
        let at = self.unexpected();
        self.value()?.parse().map_err(|_| at)
    }
}

/// A negative number of rows is one in the other direction; none is the row where the cursor stands.
fn forward(rows: i64) -> Direction {
    match rows {
        0 => Direction::Relative(0),
        1.. => Direction::Forward(Some(rows.unsigned_abs())),
        _ => Direction::Backward(Some(rows.unsigned_abs())),
    }
}

fn turned(direction: Direction) -> Direction {
    match direction {
        Direction::Forward(rows) => Direction::Backward(rows),
        Direction::Backward(rows) => Direction::Forward(rows),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    #[test]
    fn directions_in_all_spellings() {
        for (text, expected) in [
            ("FETCH c", Direction::Forward(Some(1))),
            ("FETCH next", Direction::Forward(Some(1))),
            ("FETCH NEXT FROM c", Direction::Forward(Some(1))),
            ("FETCH 5 IN c", Direction::Forward(Some(5))),
            ("FETCH -5 c", Direction::Backward(Some(5))),
            ("FETCH 0 FROM c", Direction::Relative(0)),
            ("FETCH ALL FROM c", Direction::Forward(None)),
            ("FETCH FORWARD c", Direction::Forward(Some(1))),
            ("FETCH FORWARD ALL FROM c", Direction::Forward(None)),
            ("FETCH BACKWARD 2 FROM c", Direction::Backward(Some(2))),
            ("FETCH BACKWARD -2 FROM c", Direction::Forward(Some(2))),
            ("FETCH BACKWARD ALL c", Direction::Backward(None)),
            ("FETCH FIRST FROM c", Direction::Absolute(1)),
            ("FETCH LAST c", Direction::Absolute(-1)),
            ("FETCH ABSOLUTE -3 c", Direction::Absolute(-3)),
            ("FETCH RELATIVE 0 FROM c", Direction::Relative(0)),
        ] {
            let StatementKind::Fetch(fetch) = parse(text).unwrap().remove(0).kind else { panic!("{text}") };
            assert_eq!(fetch.direction, expected, "{text}");
        }
    }

    #[test]
    fn cursors_in_all_spellings() {
        let StatementKind::Declare(declare) =
            parse("DECLARE \"C\" BINARY INSENSITIVE NO SCROLL CURSOR WITH HOLD FOR SELECT 1").unwrap().remove(0).kind
        else {
            panic!()
        };
        assert_eq!(
            (declare.name.as_str(), declare.is_binary, declare.scrolls, declare.holds),
            ("C", true, false, true)
        );
        assert!(parse("DECLARE c SCROLL NO SCROLL CURSOR FOR SELECT 1").is_err());
    }
}
