//! Text → statements. Pure: no catalog, no I/O.
//!
//! [`parse`] cuts a query string into statements. Queries are sqlparser's; the statements that define, name and
//! set things have a small grammar of their own in [`utility`], because sqlparser lacks several of PostgreSQL's
//! (`ALTER VIEW … RENAME`, `COMMENT ON`) and because a view's text must be kept exactly as its author wrote it.
//!
//! User SQL is parsed once and never printed to be parsed again.

pub mod argument;
mod breadth;
mod column_name;
pub mod compat;
mod dialect;
mod grammar;
pub mod parameter;
mod place;
mod precedence;
pub mod reference;
mod repeat;
mod reserved;
pub mod role;
pub mod statement;
mod utility;

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

pub use self::column_name::{name_columns, repeated_name, shown_name};
use self::dialect::Dialect;
use self::grammar::Grammar;
pub use self::place::Places;
use self::statement::{Statement, StatementKind};
use crate::error::{Result, message};

/// Parentheses, brackets and CASE that may stand inside one another.
const DEPTH_MAX: usize = 1_000;
/// Operators that may join one term (`a + b + …`). Planning time grows with their square or worse: so many take seconds.
const OPERATORS_MAX: usize = 500;
/// Conditions that may be joined (`a OR b OR …`), which are planned more cheaply, and what may be compared in them.
const CONDITIONS_MAX: usize = 2_000;
/// Points in a name that is read at all: the parser takes quadratic time for them.
const POINTS_MAX: usize = 100;
/// Relations that one FROM may join, and common tables that one WITH may define.
const RELATIONS_MAX: usize = 500;

/// Cuts a query string into statements and parses each. A string of nothing but white space has none.
///
/// Errors: 42601 with the position; 54001 for a statement that is nested too deeply.
pub fn parse(text: &str) -> Result<Vec<Statement>> {
    let text: Arc<str> = text.into();
    let places = Places::new(&text);
    let tokens = tokens(&text, &places)?;
    let mut statements = Vec::new();
    for chunk in tokens.split(|token| token.token == Token::SemiColon) {
        let significant = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
        let (Some(first), Some(last)) = (chunk.iter().find(significant), chunk.iter().rfind(significant)) else {
            continue;
        };
        refuse_too_complex(chunk)?;
        let range = places.byte(first.span.start)..places.byte(last.span.end);
        let mut grammar = Grammar::new(&text, &places, chunk.to_vec(), range.end);
        let kind = grammar.statement()?;
        statements.push(Statement { kind, text: Arc::clone(&text), range });
    }
    Ok(statements)
}

/// Parses a text that is one query, such as the definition of a view.
pub fn parse_query(text: &str) -> Result<Box<ast::Query>> {
    let statements = parse(text)?;
    match statements.into_iter().next().map(|statement| statement.kind) {
        Some(StatementKind::Query(query)) => Ok(query),
        _ => Err(message::internal("definition of a view is not a query")),
    }
}

/// Parses a text that a client gave as a query that is not saved yet.
///
/// Errors: 42601, 54001; 42601 too for a statement that is no query.
pub fn parse_draft(text: &str) -> Result<Box<ast::Query>> {
    let mut statements = parse(text)?.into_iter();
    match (statements.next().map(|statement| statement.kind), statements.next()) {
        (Some(StatementKind::Query(query)), None) => Ok(query),
        _ => Err(message::draft_is_no_query(text)),
    }
}

fn tokens(text: &str, places: &Places<'_>) -> Result<Vec<TokenWithSpan>> {
    let mut tokens = Tokenizer::new(&Dialect, text).tokenize_with_location().map_err(|error| {
        let position = places.position(error.location);
        let start = places.byte(error.location);
        let what = error.message.to_ascii_lowercase();
        let problem = if what.contains("dollar") {
            "unterminated dollar-quoted string"
        } else if what.contains("identifier") || what.contains("close delimiter") {
            "unterminated quoted identifier"
        } else if what.contains("comment") {
            "unterminated /* comment"
        } else if what.contains("string") {
            "unterminated quoted string"
        } else {
            "syntax error"
        };
        message::unreadable_text(problem, text.get(start..).unwrap_or_default()).with_position(position)
    })?;
    quote_function_words(&mut tokens);
    Ok(tokens)
}

/// `pg_catalog.substring(…)`: behind a schema these words have no grammar of their own, which the parser does not know.
fn quote_function_words(tokens: &mut [TokenWithSpan]) {
    let mut behind_point = false;
    for token in tokens {
        if let Token::Word(word) = &mut token.token
            && behind_point
            && word.quote_style.is_none()
            && ["extract", "overlay", "position", "substring", "trim"].iter().any(|known| is_word(word, known))
        {
            word.value = word.value.to_ascii_lowercase();
            word.quote_style = Some('"');
            word.keyword = Keyword::NoKeyword;
        }
        behind_point = token.token == Token::Period;
    }
}

/// Refuses what would need more stack, or more time to plan, than there is, before anything recurses over it.
fn refuse_too_complex(tokens: &[TokenWithSpan]) -> Result<()> {
    // Of the term that is open at each depth; a comma begins the next term.
    let mut chains = vec![Chain::default()];
    for token in tokens {
        match &token.token {
            Token::LParen => chains.push(Chain::default()),
            Token::LBracket => {
                // One of `a[1][2]…` is as good as an operator.
                lengthen(&mut chains, &token.token)?;
                chains.push(Chain::default());
            }
            Token::RParen | Token::RBracket => {
                while chains.len() > 1 && chains.pop().is_some_and(|chain| chain.is_case) {}
            }
            Token::Word(word) if is_word(word, "case") => chains.push(Chain { is_case: true, ..Chain::default() }),
            Token::Word(word) if is_word(word, "end") && chains.last().is_some_and(|chain| chain.is_case) => {
                chains.pop();
            }
            other => lengthen(&mut chains, other)?,
        }
        if chains.len() > DEPTH_MAX {
            return Err(message::too_deep("parentheses and CASE", DEPTH_MAX));
        }
    }
    Ok(())
}

fn lengthen(chains: &mut [Chain], token: &Token) -> Result<()> {
    let Some(chain) = chains.last_mut() else { return Ok(()) };
    chain.lengthen(token);
    chain.refuse_too_long()
}

/// How long the term is that is being read.
#[derive(Default)]
struct Chain {
    operators: usize,
    comparisons: usize,
    conditions: usize,
    /// Points in the name that is being read, and whether the last token was one.
    points: usize,
    is_behind_point: bool,
    /// Opened by CASE, and closed by END.
    is_case: bool,
}

impl Chain {
    fn lengthen(&mut self, token: &Token) {
        match token {
            Token::Period => self.points += 1,
            Token::Whitespace(_) => return,
            // A name goes on behind a point only.
            _ if !self.is_behind_point => self.points = 0,
            _ => {}
        }
        self.is_behind_point = *token == Token::Period;
        match token {
            Token::Comma => self.begin_next(),
            Token::Word(word) if self.is_case && ["when", "then", "else"].iter().any(|known| is_word(word, known)) => {
                self.begin_next();
            }
            Token::Word(word) if JOINS.iter().any(|known| is_word(word, known)) => self.conditions += 1,
            Token::Word(word) if COMPARES.iter().any(|known| is_word(word, known)) => self.comparisons += 1,
            Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => self.comparisons += 1,
            Token::Word(_) | Token::Number(..) | Token::Placeholder(_) | Token::Period | Token::Whitespace(_) => {}
            Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {}
            Token::EOF => {}
            // Every other sign is an operator.
            _ => self.operators += 1,
        }
    }

    fn begin_next(&mut self) {
        *self = Self { is_case: self.is_case, ..Self::default() };
    }

    fn refuse_too_long(&self) -> Result<()> {
        if self.points > POINTS_MAX {
            return Err(message::too_many_dotted_names());
        }
        if self.operators > OPERATORS_MAX {
            return Err(message::too_deep("operators in one term", OPERATORS_MAX));
        }
        if self.conditions > CONDITIONS_MAX {
            return Err(message::too_deep("joined conditions", CONDITIONS_MAX));
        }
        // One more than what joins them.
        if self.comparisons > CONDITIONS_MAX + 1 {
            return Err(message::too_deep("comparisons in one term", CONDITIONS_MAX));
        }
        Ok(())
    }
}

const JOINS: &[&str] = &["and", "or", "not", "union", "intersect", "except", "join"];
const COMPARES: &[&str] =
    &["is", "isnull", "notnull", "like", "ilike", "similar", "between", "in", "collate", "at", "operator"];

fn is_word(word: &Word, known: &str) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    fn kinds(text: &str) -> Vec<StatementKind> {
        parse(text).unwrap().into_iter().map(|statement| statement.kind).collect()
    }

    #[test]
    fn cuts_at_semicolons_but_not_inside_strings() {
        assert_eq!(kinds("  ;; -- nothing\n ").len(), 0);
        assert_eq!(kinds("select ';' ; select $$a;b$$;").len(), 2);
    }

    #[test]
    fn keeps_the_authors_text_of_a_view() {
        let text = "select 1; CREATE VIEW a AS\n  SELECT  member_id -- why\n  FROM members ;";
        let statements = parse(text).unwrap();
        let StatementKind::CreateView(create) = &statements[1].kind else { panic!() };
        assert_eq!(&text[create.query_range.clone()], "SELECT  member_id -- why\n  FROM members");
        assert_eq!(statements[1].sql(), "CREATE VIEW a AS\n  SELECT  member_id -- why\n  FROM members");
    }

    #[test]
    fn syntax_errors_point_where_postgresql_points() {
        // Message and position as PostgreSQL 15 gives them.
        for (text, expected, position) in [
            ("SELEC 1", "syntax error at or near \"SELEC\"", 1),
            ("SELECT a FROM b WHRE c", "syntax error at or near \"c\"", 22),
            ("SELECT (1", "syntax error at end of input", 10),
            ("CREATE VIEW a AS", "syntax error at end of input", 17),
            ("SELECT 'å' FROM WHERE", "syntax error at or near \"WHERE\"", 17),
            ("DROP VIEW", "syntax error at end of input", 10),
            ("COMMENT ON VIEW a", "syntax error at end of input", 18),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.state(), SqlState::SyntaxError, "{text}");
            assert_eq!(error.message(), expected, "{text}");
            assert_eq!(error.position(), Some(position), "{text}");
        }
    }

    #[test]
    fn chains_are_bounded_and_lists_are_not() {
        let chain = vec!["f(1, 2)"; OPERATORS_MAX + 2].join(" + ");
        assert_eq!(parse(&format!("SELECT {chain}")).unwrap_err().state(), SqlState::StatementTooComplex);
        let list = vec!["-1"; 4 * OPERATORS_MAX].join(", ");
        assert!(parse(&format!("SELECT 1 WHERE 2 IN ({list})")).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let many = DEPTH_MAX + 1;
        for text in [
            format!("SELECT {}1{}", "(".repeat(many), ")".repeat(many)),
            format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(many), " END".repeat(many)),
            format!("SELECT a{}", "[1]".repeat(many)),
            format!("SELECT NULL{}", " IS NULL".repeat(3 * many)),
            format!("SELECT a.b{}", " OR a.b".repeat(3 * many)),
            format!("SELECT 1{}", " = 1".repeat(3 * many)),
            format!("SELECT 1 FROM a{}", ", a".repeat(many)),
            format!("SELECT 1 FROM a{}", " NATURAL JOIN a".repeat(many)),
            format!("WITH b AS (SELECT 1){} SELECT 1", ", b AS (SELECT 1)".repeat(many)),
        ] {
            let error = parse(&text).unwrap_err();
            assert_eq!(error.state(), SqlState::StatementTooComplex, "{} {error}", &text[..40]);
        }
    }

    #[test]
    fn branches_of_a_case_are_terms_of_their_own() {
        let branches: String = (0..2 * OPERATORS_MAX).map(|at| format!(" WHEN a = {at} THEN b + {at}")).collect();
        assert!(parse(&format!("SELECT CASE{branches} END, CASE WHEN a THEN b END + 1")).is_ok());
    }
}
