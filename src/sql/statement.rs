//! The closed set of statements that the house understands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::role::{AlterRole, CreateRole, GrantPrivileges, GrantRoles, RoleName, SetOwner};
use crate::pg_type::PgType;

/// One statement of a query string.
#[derive(Clone)]
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

    /// The statement as others may see it: a password in it is hidden.
    pub fn shown(&self) -> Cow<'_, str> {
        let options = match &self.kind {
            StatementKind::CreateRole(create) => &create.options,
            StatementKind::AlterRole(alter) => &alter.options,
            _ => return self.sql().into(),
        };
        match &options.password {
            Some(clause) if clause.password.is_some() => {
                let (before, behind) = (self.range.start..clause.range.start, clause.range.end..self.range.end);
                format!("{}'********'{}", &self.text[before], &self.text[behind]).into()
            }
            _ => self.sql().into(),
        }
    }
}

/// As others may see it: the whole text may hold a password.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Statement").field(&self.shown()).finish()
    }
}

#[derive(Debug, Clone)]
pub enum StatementKind {
    Query(Box<ast::Query>),
    Explain(Explain),
    CreateView(Box<CreateView>),
    DropViews {
        names: Vec<Name>,
        materialized: bool,
        if_exists: bool,
        cascade: bool,
    },
    CreateAudience(Box<CreateAudience>),
    RefreshAudience(RefreshAudience),
    /// `ALTER MATERIALIZED VIEW … SET (…)`; `None` as value is RESET.
    SetAudience {
        name: Name,
        if_exists: bool,
        options: Vec<(String, Option<String>)>,
    },
    Call(Box<Call>),
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
    CreateRole(Box<CreateRole>),
    AlterRole(Box<AlterRole>),
    RenameRole {
        name: String,
        to: String,
    },
    DropRoles {
        names: Vec<String>,
        if_exists: bool,
    },
    GrantRoles(GrantRoles),
    RevokeRoles(GrantRoles),
    GrantPrivileges(GrantPrivileges),
    RevokePrivileges(GrantPrivileges),
    ReassignOwned {
        from: Vec<RoleName>,
        to: RoleName,
    },
    SetOwner(SetOwner),
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
    Prepare(Box<Prepare>),
    Execute {
        name: String,
        arguments: Vec<ast::Expr>,
    },
    /// `DEALLOCATE name`, or `DEALLOCATE ALL`.
    Deallocate(Option<String>),
    Declare(Box<Declare>),
    Fetch(Fetch),
    /// `CLOSE name`, or `CLOSE ALL`.
    CloseCursor(Option<String>),
    Copy(Box<Copy>),
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
    pub format: ExplainFormat,
    pub query: Box<ast::Query>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainFormat {
    Text,
    Json,
}

/// `PREPARE name [(types)] AS query`.
#[derive(Debug, Clone)]
pub struct Prepare {
    pub name: String,
    /// Of the parameters, as far as they are given.
    pub types: Vec<PgType>,
    pub query: Statement,
}

/// `DECLARE name [BINARY] [[NO] SCROLL] CURSOR [WITH HOLD] FOR query`.
#[derive(Debug, Clone)]
pub struct Declare {
    pub name: String,
    pub is_binary: bool,
    pub scrolls: bool,
    /// Outlives its transaction.
    pub holds: bool,
    pub query: Box<ast::Query>,
}

/// `FETCH`, or `MOVE`, which passes the rows over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// So many rows on; `None` for all that are left.
    Forward(Option<u64>),
    Backward(Option<u64>),
    /// To the row of this number, counted from the end when it is negative.
    Absolute(i64),
    /// So many rows from here; 0 is the row where the cursor stands.
    Relative(i64),
}

#[derive(Debug, Clone)]
pub struct Fetch {
    pub name: String,
    pub direction: Direction,
    pub moves: bool,
}

/// `COPY … TO STDOUT`.
#[derive(Debug, Clone)]
pub struct Copy {
    pub what: CopySource,
    pub options: CopyOptions,
}

#[derive(Debug, Clone)]
pub enum CopySource {
    Relation { name: Name, columns: Vec<String> },
    Query(Box<ast::Query>),
}

/// How rows are written. Characters are bytes of ASCII, as PostgreSQL wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub delimiter: u8,
    pub null: String,
    pub header: bool,
    pub quote: u8,
    pub escape: u8,
    pub force_quote: ForceQuote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
    /// A file of Apache Parquet; PostgreSQL itself has none.
    Parquet,
}

/// Columns whose values are quoted whatever they are, NULL excepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForceQuote {
    All,
    Columns(Vec<String>),
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

/// `CREATE MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct CreateAudience {
    pub view: CreateView,
    /// WITH (…), as written.
    pub options: Vec<(String, Option<String>)>,
    /// Not WITH NO DATA.
    pub with_data: bool,
}

/// `CALL procedure(…)`.
#[derive(Debug, Clone)]
pub struct Call {
    pub procedure: Name,
    /// Each with its name where it has one.
    pub arguments: Vec<(Option<String>, ast::Expr)>,
}

/// `REFRESH MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct RefreshAudience {
    pub name: Name,
    pub concurrently: bool,
    pub with_data: bool,
}

/// What kind of relation a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// `ALTER TABLE` renames views too, as in PostgreSQL.
    Table,
    View,
    MaterializedView,
}

#[derive(Debug, Clone)]
pub struct Rename {
    pub name: Name,
    pub new_name: String,
    pub if_exists: bool,
    pub of: ObjectKind,
}

#[derive(Debug, Clone)]
pub enum CommentTarget {
    Relation { name: Name, of: ObjectKind },
    Column { relation: Name, column: String },
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
