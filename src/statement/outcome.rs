//! What a statement gives back: rows, a command tag, notices.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;

use crate::error::Result;
pub use crate::error::{Notice, NoticeSeverity};
use crate::pg_type::{Oid, PgType};
use crate::sql::statement::CopyOptions;

/// The result of one statement.
pub enum Outcome {
    /// The statement was empty (`;`).
    Empty,
    /// Done, without rows: the complete command tag, such as `CREATE VIEW`.
    Done(String),
    Rows(Rows),
    /// The rows of COPY … TO STDOUT.
    CopyOut(Box<CopyOut>),
}

pub struct CopyOut {
    pub rows: Rows,
    pub options: CopyOptions,
}

/// Rows as they come. Dropping it ends the work behind it.
pub struct Rows {
    pub columns: Arc<[OutputColumn]>,
    /// The verb of the command tag; `SELECT` and `FETCH` are completed with the number of rows, others stand as they are.
    pub tag: &'static str,
    /// Of a cursor that was declared BINARY: the simple protocol sends it so.
    pub is_binary: bool,
    /// Batches have the columns of `columns`, in that order. Bounded: a slow reader slows the plan.
    pub batches: BoxStream<'static, Result<RecordBatch>>,
}

/// A column as RowDescription announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    pub name: String,
    pub pg_type: PgType,
    /// The relation the column comes from, 0 when computed.
    pub relation: Oid,
    /// Its number in that relation, from 1; 0 when computed.
    pub number: i16,
}

impl OutputColumn {
    /// A numeric without precision and scale; any other column as it is.
    pub fn without_digits(mut self) -> Self {
        if [PgType::NUMERIC.oid, PgType::NUMERIC.array_oid()].contains(&self.pg_type.oid) {
            self.pg_type.typmod = -1;
        }
        self
    }
}
