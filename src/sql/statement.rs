//! The closed set of statements that the house understands.

use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

/// One statement of a query string.
#[derive(Debug, Clone)]
pub struct Statement {
    pub kind: StatementKind,
    /// The whole query string; positions of errors count from its start.
    pub text: Arc<str>,
    /// The bytes of this statement, without its semicolon.
    pub range: Range<usize>,
}

impl Statement {
    /// The statement as it was written.
    pub fn sql(&self) -> &str {
        &self.text[self.range.clone()]
    }
}

#[derive(Debug, Clone)]
pub enum StatementKind {
    Query(Box<ast::Query>),
    Explain(Explain),
    CreateView(Box<CreateView>),
    DropViews {
        names: Vec<Name>,
        if_exists: bool,
        cascade: bool,
    },
    /// `DROP TABLE`, kept apart because the purchase history's tables cannot be dropped but views may be named by mistake.
    DropTables {
        names: Vec<Name>,
        if_exists: bool,
    },
    Rename(Rename),
    Comment {
        on: CommentTarget,
        comment: Option<String>,
    },
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    DropSchemas {
        names: Vec<String>,
        if_exists: bool,
        cascade: bool,
    },
    Begin {
        modes: Vec<TransactionMode>,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    SetTransaction {
        modes: Vec<TransactionMode>,
        session: bool,
    },
    Set {
        scope: SetScope,
        name: String,
        value: SetValue,
    },
    /// `RESET name`, or `RESET ALL`.
    Reset(Option<String>),
    /// `SHOW name`, or `SHOW ALL`.
    Show(Option<String>),
    DiscardAll,
    /// `DEALLOCATE name`, or `DEALLOCATE ALL`.
    Deallocate(Option<String>),
    /// `LISTEN`, `UNLISTEN`: accepted, nothing is ever sent.
    Listen {
        verb: &'static str,
    },
    /// A statement of PostgreSQL's that does not exist here, by its verb as a person would name it.
    Unsupported(String),
}

#[derive(Debug, Clone)]
pub struct Explain {
    pub analyze: bool,
    pub verbose: bool,
    pub query: Box<ast::Query>,
}

#[derive(Debug, Clone)]
pub struct CreateView {
    pub name: Name,
    pub or_replace: bool,
    pub if_not_exists: bool,
    /// Column names given in parentheses.
    pub columns: Vec<String>,
    pub query: Box<ast::Query>,
    /// The bytes of the query in the statement's text.
    pub query_range: Range<usize>,
}

#[derive(Debug, Clone)]
pub struct Rename {
    pub name: Name,
    pub new_name: String,
    pub if_exists: bool,
    /// `ALTER TABLE` renames views too, as in PostgreSQL; `ALTER VIEW` only views.
    pub view_only: bool,
}

#[derive(Debug, Clone)]
pub enum CommentTarget {
    /// `COMMENT ON VIEW` or `ON TABLE`.
    Relation {
        name: Name,
        view: bool,
    },
    Column {
        relation: Name,
        column: String,
    },
    Schema(String),
}

/// A relation's name, perhaps qualified, with its place for error positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
    /// Characters from 1.
    pub position: usize,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetScope {
    Session,
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    Default,
    /// The values as text; a list where several were given.
    Values(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    ReadOnly,
    ReadWrite,
    /// Any isolation level is accepted: a transaction sees one snapshot, which is at least what each of them promises.
    Isolation(&'static str),
    Deferrable(bool),
}
