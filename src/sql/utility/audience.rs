//! Materialized views: CREATE, REFRESH, ALTER … SET.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Result, message};
use crate::sql::grammar::Grammar;
use crate::sql::statement::{CreateAudience, CreateView, Name, RefreshAudience, StatementKind};

impl Grammar<'_> {
    pub(super) fn create_audience(&mut self) -> Result<StatementKind> {
        let if_not_exists = self.eat_all(&["if", "not", "exists"])?;
        let name = self.name()?;
        let columns = self.column_names()?;
        if self.eat("using") {
            let method = self.identifier()?;
            if method != "heap" {
                return Err(message::access_method_unknown(&method));
            }
        }
        let options = if self.eat("with") { self.audience_options()? } else { Vec::new() };
        if self.peek_word(0).as_deref() == Some("tablespace") {
            return Err(message::unsupported("TABLESPACE"));
        }
        self.keyword("as")?;
        let start = self.here();
        let query = self.query_inside()?;
        let query_range = start..self.text()[..self.here()].trim_end().len();
        let with_data = self.with_data()?;
        self.end()?;
        let view = CreateView { name, or_replace: false, if_not_exists, columns, query, query_range };
        Ok(StatementKind::CreateAudience(Box::new(CreateAudience { view, options, with_data })))
    }

    pub(super) fn refresh(&mut self) -> Result<StatementKind> {
        if self.peek_word(1).as_deref() != Some("materialized") {
            return Ok(self.unsupported());
        }
        self.words(2);
        self.keyword("view")?;
        let concurrently = self.eat("concurrently");
        let name = self.name()?;
        let with_data = self.with_data()?;
        self.end()?;
        Ok(StatementKind::RefreshAudience(RefreshAudience { name, concurrently, with_data }))
    }

    /// Behind `ALTER MATERIALIZED VIEW name`, at SET or RESET.
    pub(super) fn set_audience(&mut self, name: Name, if_exists: bool) -> Result<StatementKind> {
        let resets = self.word()? == "reset";
        let options = self.audience_options()?;
        self.end()?;
        if let Some((option, _)) = options.iter().find(|(_, value)| resets && value.is_some()) {
            return Err(message::reset_with_value(option));
        }
        Ok(StatementKind::SetAudience { name, if_exists, options })
    }

    /// `WITH DATA`, `WITH NO DATA`, or nothing, which is the first.
    fn with_data(&mut self) -> Result<bool> {
        if !self.eat("with") {
            return Ok(true);
        }
        let with_data = !self.eat("no");
        self.keyword("data")?;
        Ok(with_data)
    }

    /// `(name = value, name, …)`.
    fn audience_options(&mut self) -> Result<Vec<(String, Option<String>)>> {
        self.sign(&Token::LParen)?;
        let mut options: Vec<(String, Option<String>)> = Vec::new();
        loop {
            let name = self.identifier()?;
            let value = if self.parser.consume_token(&Token::Eq) { Some(self.value()?) } else { None };
            if options.iter().any(|(known, _)| *known == name) {
                return Err(message::option_twice(&name));
            }
            options.push((name, value));
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.sign(&Token::RParen)?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn created(text: &str) -> (CreateAudience, String) {
        let statement = parse(text).unwrap().remove(0);
        match statement.kind {
            StatementKind::CreateAudience(create) => {
                let query = statement.text[create.view.query_range.clone()].to_owned();
                (*create, query)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_query_ends_before_what_is_said_of_data() {
        let (create, query) =
            created("CREATE MATERIALIZED VIEW a WITH (refresh = 'daily 06:00', keep = 3) AS SELECT 1 WITH NO DATA");
        assert!(!create.with_data);
        assert_eq!(query, "SELECT 1");
        assert_eq!(create.options[1], ("keep".to_owned(), Some("3".to_owned())));
        let (create, query) = created("create materialized view if not exists s.a (x) as (select 1) with data;");
        assert!(create.with_data && create.view.if_not_exists);
        assert_eq!(query, "(select 1)");
        let (_, query) = created("CREATE MATERIALIZED VIEW a AS\nWITH b AS (SELECT 1) SELECT * FROM b -- the end\n");
        assert_eq!(query, "WITH b AS (SELECT 1) SELECT * FROM b");
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        for text in [
            "CREATE MATERIALIZED VIEW a WITH (keep = 1, keep = 2) AS SELECT 1",
            "ALTER MATERIALIZED VIEW a RESET (keep = 1)",
            "CREATE OR REPLACE MATERIALIZED VIEW a AS SELECT 1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
