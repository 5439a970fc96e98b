//! The grammar of statements that define, name and set things; everything else is a query or is refused by name.

mod audience;
mod call;
mod copy;
mod cursor;
mod role;
mod setting;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::grammar::Grammar;
use super::role::{Owned, SetOwner};
use super::statement::{
    CommentTarget, CreateView, Explain, ExplainFormat, Name, ObjectKind, Rename, StatementKind, TransactionMode,
};
use crate::error::{Result, message};

/// Verbs of PostgreSQL's that are refused by name rather than as a syntax error.
const UNSUPPORTED: &[&str] = &[
    "alter",
    "analyze",
    "checkpoint",
    "cluster",
    "create",
    "delete",
    "do",
    "drop",
    "import",
    "insert",
    "load",
    "lock",
    "merge",
    "reindex",
    "security",
    "truncate",
    "update",
    "vacuum",
];

impl Grammar<'_> {
    pub(super) fn statement(&mut self) -> Result<StatementKind> {
        if self.parser.peek_token_ref().token == Token::LParen {
            return Ok(StatementKind::Query(self.query()?));
        }
        let verb = self.peek_word(0).unwrap_or_default();
        match verb.as_str() {
            "select" | "with" | "values" | "table" => Ok(StatementKind::Query(self.query()?)),
            "explain" => self.explain(),
            "refresh" => self.refresh(),
            "call" => self.call(),
            "create" => self.create(),
            "drop" => self.drop(),
            "alter" => self.alter(),
            "comment" => self.comment(),
            "grant" | "revoke" => self.grant(verb == "revoke"),
            "reassign" => self.reassign_owned(),
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
                self.transaction(&verb)
            }
            "set" | "reset" | "show" => self.setting(&verb),
            "prepare" if self.peek_word(1).as_deref() != Some("transaction") => self.prepare(),
            "prepare" => Ok(StatementKind::Unsupported("PREPARE TRANSACTION".to_owned())),
            "execute" => self.execute(),
            "declare" => self.declare(),
            "fetch" | "move" => self.fetch(verb == "move"),
            "close" => {
                self.words(1);
                let name = self.identifier()?;
                self.end()?;
                Ok(StatementKind::CloseCursor((name != "all").then_some(name)))
            }
            "copy" => self.copy(),
            "discard" => {
                self.words(1);
                let kind = match self.word()?.as_str() {
                    "all" => StatementKind::DiscardAll,
                    "plans" => StatementKind::Listen { verb: "DISCARD PLANS" },
                    "sequences" => StatementKind::Listen { verb: "DISCARD SEQUENCES" },
                    "temp" | "temporary" => StatementKind::Listen { verb: "DISCARD TEMP" },
                    _ => return Err(self.unexpected_last()),
                };
                self.end()?;
                Ok(kind)
            }
            "deallocate" => {
                self.words(1);
                self.eat("prepare");
                let name = self.identifier()?;
                self.end()?;
                Ok(StatementKind::Deallocate((name != "all").then_some(name)))
            }
            "listen" | "unlisten" => {
                self.words(1);
                if !self.parser.consume_token(&Token::Mul) {
                    self.identifier()?;
                }
                self.end()?;
                Ok(StatementKind::Listen { verb: if verb == "listen" { "LISTEN" } else { "UNLISTEN" } })
            }
            "notify" => {
                self.words(1);
                self.identifier()?;
                if self.parser.consume_token(&Token::Comma) {
                    self.value()?;
                }
                self.end()?;
                Ok(StatementKind::Listen { verb: "NOTIFY" })
            }
            verb if UNSUPPORTED.contains(&verb) => Ok(self.unsupported()),
            _ => Err(self.unexpected()),
        }
    }

    fn explain(&mut self) -> Result<StatementKind> {
        self.words(1);
        let (mut analyze, mut verbose, mut format) = (false, false, ExplainFormat::Text);
        if self.parser.peek_token_ref().token == Token::LParen && self.peek_word(1).is_some_and(|word| word != "select")
        {
            self.parser.next_token();
            loop {
                let option = self.word()?;
                let on = !matches!(self.peek_word(0).as_deref(), Some("off" | "false"));
                if !matches!(self.parser.peek_token_ref().token, Token::Comma | Token::RParen) {
                    let value = self.value()?;
                    if option == "format" {
                        format = explain_format(&value)?;
                    }
                }
                match option.as_str() {
                    "analyze" => analyze = on,
                    "verbose" => verbose = on,
                    "costs" | "buffers" | "timing" | "summary" | "settings" | "wal" | "format" | "generic_plan" => {}
                    _ => return Err(message::unknown_explain_option(&option)),
                }
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            self.sign(&Token::RParen)?;
        } else {
            analyze = self.eat("analyze");
            verbose = self.eat("verbose");
        }
        if self.peek_word(0).as_deref() == Some("explain") {
            return Err(self.unexpected());
        }
        match self.statement()? {
            StatementKind::Query(query) => Ok(StatementKind::Explain(Explain { analyze, verbose, format, query })),
            _ => Err(message::unsupported("EXPLAIN of a statement other than a query")),
        }
    }

    fn create(&mut self) -> Result<StatementKind> {
        let or_replace = self.peek_word(1).as_deref() == Some("or") && self.peek_word(2).as_deref() == Some("replace");
        let kind_at = if or_replace { 3 } else { 1 };
        match self.peek_word(kind_at).as_deref() {
            Some("view") => {
                self.words(kind_at + 1);
                self.create_view(or_replace)
            }
            Some("schema") if !or_replace => {
                self.words(2);
                let if_not_exists = self.eat_all(&["if", "not", "exists"])?;
                let name = self.identifier()?;
                if self.eat("authorization") {
                    return Err(message::unsupported("CREATE SCHEMA … AUTHORIZATION"));
                }
                self.end()?;
                Ok(StatementKind::CreateSchema { name, if_not_exists })
            }
            Some("role" | "user" | "group") if !or_replace && self.peek_word(2).as_deref() != Some("mapping") => {
                let logs_in = self.peek_word(1).as_deref() == Some("user");
                self.words(2);
                self.create_role(logs_in)
            }
            Some("temp" | "temporary" | "recursive") if self.peek_word(kind_at + 1).as_deref() == Some("view") => {
                Ok(self.unsupported())
            }
            Some("materialized") if !or_replace && self.peek_word(2).as_deref() == Some("view") => {
                self.words(3);
                self.create_audience()
            }
            Some("materialized") => {
                self.words(if or_replace { 1 } else { 2 });
                Err(self.unexpected())
            }
            Some(_) => Ok(self.unsupported()),
            None => {
                self.words(1);
                Err(self.unexpected())
            }
        }
    }

    fn create_view(&mut self, or_replace: bool) -> Result<StatementKind> {
        let if_not_exists = self.eat_all(&["if", "not", "exists"])?;
        let name = self.name()?;
        let columns = self.column_names()?;
        if self.peek_word(0).as_deref() == Some("with") {
            return Err(message::unsupported("CREATE VIEW … WITH (…)"));
        }
        self.keyword("as")?;
        let start = self.here();
        let query = self.query()?;
        let query_range = start..self.end;
        Ok(StatementKind::CreateView(Box::new(CreateView {
            name,
            or_replace,
            if_not_exists,
            columns,
            query,
            query_range,
        })))
    }

    fn drop(&mut self) -> Result<StatementKind> {
        let kind = self.peek_word(1);
        match kind.as_deref() {
            Some("view" | "table" | "schema") => {}
            Some("materialized") => {
                self.words(1);
                if self.peek_word(1).as_deref() != Some("view") {
                    self.words(1);
                    return Err(self.unexpected());
                }
            }
            Some("role" | "user" | "group") if self.peek_word(2).as_deref() != Some("mapping") => {
                self.words(2);
                return self.drop_roles();
            }
            Some(_) => return Ok(self.unsupported()),
            None => {
                self.words(1);
                return Err(self.unexpected());
            }
        }
        self.words(2);
        let if_exists = self.eat_all(&["if", "exists"])?;
        let mut names = vec![self.name()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.name()?);
        }
        let cascade = self.eat("cascade");
        if !cascade {
            self.eat("restrict");
        }
        self.end()?;
        Ok(match kind.as_deref() {
            Some("view") => StatementKind::DropViews { names, materialized: false, if_exists, cascade },
            Some("materialized") => StatementKind::DropViews { names, materialized: true, if_exists, cascade },
            Some("table") => StatementKind::DropTables { names, if_exists },
            _ => StatementKind::DropSchemas {
                names: names.into_iter().map(|name| name.name).collect(),
                if_exists,
                cascade,
            },
        })
    }

    fn alter(&mut self) -> Result<StatementKind> {
        let (of, words) = match (self.peek_word(1).as_deref(), self.peek_word(2).as_deref()) {
            (Some("view"), _) => (ObjectKind::View, 2),
            (Some("table"), _) => (ObjectKind::Table, 2),
            (Some("materialized"), Some("view")) => (ObjectKind::MaterializedView, 3),
            (Some("role" | "user"), next) if next != Some("mapping") => {
                self.words(2);
                return self.alter_role();
            }
            (Some("schema"), _) => return self.alter_schema(),
            _ => return Ok(self.unsupported()),
        };
        let what = self.unsupported();
        self.words(words);
        let if_exists = self.eat_all(&["if", "exists"])?;
        let name = self.name()?;
        if of == ObjectKind::MaterializedView
            && matches!(self.peek_word(0).as_deref(), Some("set" | "reset"))
            && self.parser.peek_nth_token_ref(1).token == Token::LParen
        {
            return self.set_audience(name, if_exists);
        }
        if self.eat("owner") {
            let owner = self.owner()?;
            return Ok(StatementKind::SetOwner(SetOwner { of: Owned::Relation { name, of }, owner, if_exists }));
        }
        if !self.eat("rename") {
            return Ok(what);
        }
        if self.peek_word(0).as_deref() != Some("to") {
            // RENAME [COLUMN] a TO b.
            self.eat("column");
            self.identifier()?;
            self.keyword("to")?;
            return Ok(what);
        }
        self.keyword("to")?;
        let new_name = self.identifier()?;
        self.end()?;
        Ok(StatementKind::Rename(Rename { name, new_name, if_exists, of }))
    }

    /// `ALTER SCHEMA … OWNER TO`; that a schema is renamed is refused by name.
    fn alter_schema(&mut self) -> Result<StatementKind> {
        let what = self.unsupported();
        self.words(2);
        let name = self.identifier()?;
        if !self.eat("owner") {
            return Ok(what);
        }
        let owner = self.owner()?;
        Ok(StatementKind::SetOwner(SetOwner { of: Owned::Schema(name), owner, if_exists: false }))
    }

    fn owner(&mut self) -> Result<super::role::RoleName> {
        self.keyword("to")?;
        let owner = self.role_name()?;
        self.end()?;
        Ok(owner)
    }

    fn comment(&mut self) -> Result<StatementKind> {
        self.words(1);
        self.keyword("on")?;
        let kind = self.word()?;
        let on = match kind.as_str() {
            "table" => CommentTarget::Relation { name: self.name()?, of: ObjectKind::Table },
            "view" => CommentTarget::Relation { name: self.name()?, of: ObjectKind::View },
            "materialized" => {
                self.keyword("view")?;
                CommentTarget::Relation { name: self.name()?, of: ObjectKind::MaterializedView }
            }
            "schema" => CommentTarget::Schema(self.identifier()?),
            "column" => {
                let position = self.places.position_of_byte(self.here());
                let mut parts = self.name_parts()?;
                let (Some(column), Some(relation)) = (parts.pop(), parts.pop()) else {
                    return Err(message::column_name_needs_relation().with_position(position));
                };
                CommentTarget::Column { relation: Name { schema: parts.pop(), name: relation, position }, column }
            }
            other => return Ok(StatementKind::Unsupported(format!("COMMENT ON {}", other.to_uppercase()))),
        };
        self.keyword("is")?;
        let comment = match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.value.eq_ignore_ascii_case("null") => {
                self.parser.next_token();
                None
            }
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {
                Some(self.value()?)
            }
            _ => return Err(self.unexpected()),
        };
        self.end()?;
        // An empty comment is no comment, as in PostgreSQL.
        Ok(StatementKind::Comment { on, comment: comment.filter(|text| !text.is_empty()) })
    }

    fn transaction(&mut self, verb: &str) -> Result<StatementKind> {
        self.words(1);
        match verb {
            "begin" | "start" => {
                if verb == "start" {
                    self.keyword("transaction")?;
                } else if !self.eat("work") {
                    self.eat("transaction");
                }
                let modes = self.transaction_modes()?;
                self.end()?;
                Ok(StatementKind::Begin { modes })
            }
            "savepoint" => {
                let name = self.identifier()?;
                self.end()?;
                Ok(StatementKind::Savepoint(name))
            }
            "release" => {
                self.eat("savepoint");
                let name = self.identifier()?;
                self.end()?;
                Ok(StatementKind::Release(name))
            }
            _ => {
                if self.peek_word(0).as_deref() == Some("prepared") {
                    return Ok(StatementKind::Unsupported(format!("{} PREPARED", verb.to_uppercase())));
                }
                if !self.eat("work") {
                    self.eat("transaction");
                }
                let back = matches!(verb, "rollback" | "abort");
                if back && self.eat("to") {
                    self.eat("savepoint");
                    let name = self.identifier()?;
                    self.end()?;
                    return Ok(StatementKind::RollbackTo(name));
                }
                let mut chain = false;
                if self.eat("and") {
                    chain = !self.eat("no");
                    self.keyword("chain")?;
                }
                self.end()?;
                Ok(if back { StatementKind::Rollback { chain } } else { StatementKind::Commit { chain } })
            }
        }
    }

    fn transaction_modes(&mut self) -> Result<Vec<TransactionMode>> {
        let mut modes = Vec::new();
        loop {
            match self.peek_word(0).as_deref() {
                Some("isolation") => {
                    self.words(1);
                    self.keyword("level")?;
                    modes.push(TransactionMode::Isolation(match self.word()?.as_str() {
                        "serializable" => "serializable",
                        "repeatable" => {
                            self.keyword("read")?;
                            "repeatable read"
                        }
                        "read" => match self.word()?.as_str() {
                            "committed" => "read committed",
                            "uncommitted" => "read uncommitted",
                            _ => return Err(self.unexpected_last()),
                        },
                        _ => return Err(self.unexpected_last()),
                    }));
                }
                Some("read") => {
                    self.words(1);
                    modes.push(match self.word()?.as_str() {
                        "only" => TransactionMode::ReadOnly,
                        "write" => TransactionMode::ReadWrite,
                        _ => return Err(self.unexpected_last()),
                    });
                }
                Some("deferrable") => {
                    self.words(1);
                    modes.push(TransactionMode::Deferrable(true));
                }
                Some("not") => {
                    self.words(1);
                    self.keyword("deferrable")?;
                    modes.push(TransactionMode::Deferrable(false));
                }
                _ => return Ok(modes),
            }
            let _comma = self.parser.consume_token(&Token::Comma);
        }
    }

    /// The refusal of a whole statement, named by its first words: `CREATE TABLE`, `INSERT`.
    fn unsupported(&self) -> StatementKind {
        let verb = self.peek_word(0).unwrap_or_default().to_uppercase();
        let object: Vec<String> = match verb.as_str() {
            "CREATE" | "DROP" | "ALTER" | "REFRESH" => (1..5)
                .map_while(|at| self.peek_word(at))
                .map(|word| word.to_uppercase())
                .take_while(|word| OBJECT_WORDS.contains(&word.as_str()))
                .collect(),
            _ => Vec::new(),
        };
        StatementKind::Unsupported(std::iter::once(verb).chain(object).collect::<Vec<_>>().join(" "))
    }
}

fn explain_format(name: &str) -> Result<ExplainFormat> {
    match name.to_ascii_lowercase().as_str() {
        "text" => Ok(ExplainFormat::Text),
        "json" => Ok(ExplainFormat::Json),
        "xml" | "yaml" => Err(message::unsupported(&format!("EXPLAIN (FORMAT {})", name.to_uppercase()))),
        _ => Err(message::unknown_explain_format(name)),
    }
}

/// Words that belong to the name of a statement rather than to the thing it is about.
const OBJECT_WORDS: &[&str] = &[
    "OR",
    "REPLACE",
    "TEMP",
    "TEMPORARY",
    "RECURSIVE",
    "UNIQUE",
    "TABLE",
    "INDEX",
    "VIEW",
    "MATERIALIZED",
    "FUNCTION",
    "PROCEDURE",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
    "EXTENSION",
    "ROLE",
    "USER",
    "GROUP",
    "DATABASE",
    "TRIGGER",
    "RULE",
    "POLICY",
    "SERVER",
    "FOREIGN",
    "DATA",
    "WRAPPER",
    "EXTERNAL",
    "UNLOGGED",
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "OPERATOR",
    "SCHEMA",
    "STATISTICS",
    "SUBSCRIPTION",
    "PUBLICATION",
    "TABLESPACE",
    "SYSTEM",
    "DEFAULT",
    "PRIVILEGES",
    "OWNED",
    "CONCURRENTLY",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn one(text: &str) -> StatementKind {
        parse(text).unwrap().remove(0).kind
    }

    #[test]
    fn refuses_by_name_what_does_not_exist_here() {
        for (text, name) in [
            ("CREATE TABLE a (b int)", "CREATE TABLE"),
            ("create or replace function f() returns int as 'x'", "CREATE OR REPLACE FUNCTION"),
            ("INSERT INTO members VALUES (1)", "INSERT"),
            ("ALTER VIEW a SET SCHEMA b", "ALTER VIEW"),
            ("ALTER SCHEMA a RENAME TO b", "ALTER SCHEMA"),
            ("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'", "CREATE EXTERNAL TABLE"),
        ] {
            assert!(matches!(one(text), StatementKind::Unsupported(what) if what == name), "{text}");
        }
    }

    #[test]
    fn names_fold_and_quote_as_in_postgresql() {
        let StatementKind::DropViews { names, materialized: false, if_exists: true, cascade: true } =
            one("DROP VIEW IF EXISTS Public.Lunch, \"Lunch\" CASCADE")
        else {
            panic!()
        };
        assert_eq!(names[0].to_string(), "public.lunch");
        assert_eq!(names[1].to_string(), "Lunch");
        assert_eq!(names[1].position, 35);
    }

    #[test]
    fn an_empty_comment_is_no_comment() {
        assert!(matches!(one("COMMENT ON VIEW a IS ''"), StatementKind::Comment { comment: None, .. }));
        assert!(
            matches!(one("COMMENT ON COLUMN s.a.b IS $$x$$"), StatementKind::Comment { on: CommentTarget::Column { .. }, comment: Some(c) } if c == "x")
        );
    }
}
