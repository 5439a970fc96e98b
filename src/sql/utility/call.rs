//! CALL.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::Result;
use crate::sql::grammar::Grammar;
use crate::sql::statement::{Call, StatementKind};

impl Grammar<'_> {
    pub(super) fn call(&mut self) -> Result<StatementKind> {
        self.words(1);
        let procedure = self.name()?;
        self.sign(&Token::LParen)?;
        let mut arguments = Vec::new();
        if self.parser.peek_token_ref().token != Token::RParen {
            loop {
                let is_named = matches!(self.parser.peek_nth_token_ref(1).token, Token::RArrow | Token::Assignment);
                let name = if is_named {
                    let name = self.identifier()?;
                    self.parser.next_token();
                    Some(name)
                } else {
                    None
                };
                arguments.push((name, self.expression()?));
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
        }
        self.sign(&Token::RParen)?;
        self.end()?;
        Ok(StatementKind::Call(Box::new(Call { procedure, arguments })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    #[test]
    fn arguments_have_names_or_not() {
        let StatementKind::Call(call) =
            parse("CALL regulars.deliver('x', channel => 'line', dry_run := true);").unwrap().remove(0).kind
        else {
            panic!()
        };
        assert_eq!(call.procedure.to_string(), "regulars.deliver");
        let names: Vec<Option<&str>> = call.arguments.iter().map(|(name, _)| name.as_deref()).collect();
        assert_eq!(names, [None, Some("channel"), Some("dry_run")]);
        assert!(matches!(parse("CALL p()").unwrap().remove(0).kind, StatementKind::Call(_)));
        for text in ["CALL p", "CALL p(", "CALL p('x',)", "CALL p() p"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
