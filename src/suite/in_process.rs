//! The door without a wire: a session in this process.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use super::{DoorError, written};
use crate::engine::Engine;
use crate::error::{Result, message};
use crate::session::{Session, StartupParameters};
use crate::statement::outcome::Outcome;
use crate::wire::encode;

/// One session.
pub struct InProcess {
    session: Session,
}

impl InProcess {
    pub fn open(engine: Arc<Engine>) -> Result<Self, DoorError> {
        let startup = StartupParameters { user: "suite".to_owned(), ..StartupParameters::default() };
        Ok(Self { session: Session::open(engine, startup)? })
    }

    /// The result of the last statement of the text, as the wire would answer it.
    async fn query(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        let interrupt = self.session.interrupt();
        let statements = self.session.parse(sql)?;
        let mut output = DBOutput::StatementComplete(0);
        for statement in &statements {
            let outcome = interrupt.guard(self.session.execute(statement, statements.len() == 1)).await?;
            output = match outcome {
                Outcome::Empty | Outcome::Done(_) => DBOutput::StatementComplete(0),
                // As a client of sqllogictest would see it: the lines are no rows.
                Outcome::CopyOut(_) => return Err(message::unsupported("COPY in a suite")),
                Outcome::Rows(mut rows) => {
                    let format = self.session.text_format();
                    let mut text = Vec::new();
                    while let Some(batch) = interrupt.guard(async { Ok(rows.batches.next().await) }).await? {
                        let batch = batch?;
                        for row in 0..batch.num_rows() {
                            let values = batch.columns().iter().zip(rows.columns.iter());
                            let shown = values.map(|(column, announced)| {
                                written(encode::announced_text(column, row, announced.pg_type, &format))
                            });
                            text.push(shown.collect());
                        }
                    }
                    DBOutput::Rows { types: vec![DefaultColumnType::Text; rows.columns.len()], rows: text }
                }
            };
        }
        self.session.commit_implicit().await?;
        Ok(output)
    }
}

#[async_trait::async_trait]
impl AsyncDB for InProcess {
    type Error = DoorError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DoorError> {
        let result = self.query(sql).await;
        if result.is_err() {
            self.session.fail();
        }
        Ok(result?)
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "regulars"
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn error_sql_state(error: &DoorError) -> Option<String> {
        error.state.clone()
    }
}
