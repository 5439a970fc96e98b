//! The doors over the wire: tokio-postgres by simple query (values as text) or by extended query (values in binary).

use std::error::Error as StdError;
use std::time::Duration;

use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use tokio::task::JoinHandle;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{DoorError, written};
use crate::pg_type::PgType;
use crate::session::TextFormat;
use crate::wire::{binary_value, encode};

/// One connection to a server.
pub struct Remote {
    client: Client,
    connection: JoinHandle<()>,
    extended: bool,
    format: TextFormat,
}

impl Remote {
    /// `connection`: `host=… port=… user=…`, or a `postgres://` URL.
    pub async fn connect(connection: &str, extended: bool) -> Result<Self, DoorError> {
        let (client, driver) = tokio_postgres::connect(connection, NoTls).await.map_err(|error| refused(&error))?;
        let connection = tokio::spawn(async move {
            // A lost connection shows as the error of the next statement.
            let _lost = driver.await;
        });
        Ok(Self { client, connection, extended, format: TextFormat::UTC })
    }

    async fn simple(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DoorError> {
        let messages = self.client.simple_query(sql).await.map_err(|error| refused(&error))?;
        let mut output = DBOutput::StatementComplete(0);
        let mut open = false;
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    output = DBOutput::Rows { types: vec![DefaultColumnType::Text; columns.len()], rows: Vec::new() };
                    open = true;
                }
                SimpleQueryMessage::Row(row) => {
                    if let DBOutput::Rows { rows, .. } = &mut output {
                        rows.push((0..row.len()).map(|at| written(row.get(at).map(str::to_owned))).collect());
                    }
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    if !open {
                        output = DBOutput::StatementComplete(count);
                    }
                    open = false;
                }
                _ => {}
            }
        }
        Ok(output)
    }

    async fn extended(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DoorError> {
        let statement = self.client.prepare(sql).await.map_err(|error| refused(&error))?;
        let rows = self.client.query(&statement, &[]).await.map_err(|error| refused(&error))?;
        if statement.columns().is_empty() {
            self.note_time_zone().await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = vec![DefaultColumnType::Text; statement.columns().len()];
        let rows = rows
            .iter()
            .map(|row| {
                (0..row.len())
                    .map(|at| {
                        let raw: Option<Raw> = row.try_get(at).map_err(|error| refused(&error))?;
                        Ok(written(raw.map(|raw| raw.text(&self.format)).transpose()?))
                    })
                    .collect()
            })
            .collect::<Result<Vec<Vec<String>>, DoorError>>()?;
        Ok(DBOutput::Rows { types, rows })
    }

    /// A SET may have changed the zone in which instants are to be written.
    async fn note_time_zone(&mut self) -> Result<(), DoorError> {
        // In a failed transaction nothing can be asked; the zone stays what it was.
        if let Ok(messages) = self.client.simple_query("SHOW timezone").await {
            for message in messages {
                if let SimpleQueryMessage::Row(row) = message
                    && let Some(zone) = row.get(0).and_then(|zone| zone.parse().ok())
                {
                    self.format.time_zone = zone;
                }
            }
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl AsyncDB for Remote {
    type Error = DoorError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DoorError> {
        if self.extended { self.extended(sql).await } else { self.simple(sql).await }
    }

    async fn shutdown(&mut self) {
        self.connection.abort();
    }

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

fn refused(error: &tokio_postgres::Error) -> DoorError {
    match error.as_db_error() {
        Some(refusal) => DoorError::new(Some(refusal.code().code().to_owned()), refusal.message()),
        None => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            DoorError::new(None, format!("{error}{cause}"))
        }
    }
}

/// A value in binary, with the type it was announced with.
struct Raw {
    bytes: Vec<u8>,
    oid: u32,
}

impl Raw {
    fn text(&self, format: &TextFormat) -> Result<String, DoorError> {
        let pg_type = PgType { oid: self.oid, typmod: -1 };
        let value = binary_value(&self.bytes, pg_type)?;
        let array = value.to_array().map_err(|error| DoorError::new(None, error.to_string()))?;
        Ok(encode::announced_text(&array, 0, pg_type, format).unwrap_or_default())
    }
}

impl<'a> FromSql<'a> for Raw {
    fn from_sql(pg_type: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self { bytes: bytes.to_vec(), oid: pg_type.oid() })
    }

    fn accepts(_pg_type: &Type) -> bool {
        true
    }
}
