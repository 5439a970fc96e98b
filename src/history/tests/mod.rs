//! Histories as users have them: written into a temporary folder, opened, asked in SQL.

mod checks;
mod complete_journey;
mod contract_folder;
mod files;
mod refusals;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;

use super::History;
use crate::config::Config;
use crate::error::Result;

/// Writes a Parquet file with these columns.
pub fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Instants of UTC text such as `2026-03-29 01:30`.
pub fn instants(texts: &[&str]) -> ArrayRef {
    Arc::new(wall_clock(texts).with_timezone("UTC"))
}

pub fn wall_clock(texts: &[&str]) -> arrow::array::TimestampMicrosecondArray {
    let us = |text: &&str| {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_micros()
    };
    texts.iter().map(us).collect::<Vec<_>>().into()
}

/// A history with the session that asks it.
pub struct Asked {
    pub history: History,
    context: SessionContext,
}

impl Asked {
    pub async fn open(config: &str, base: &Path) -> Result<Self> {
        Self::open_config(&Config::parse(config, base.to_owned())?).await
    }

    pub async fn open_config(config: &Config) -> Result<Self> {
        Self::with_session(config, SessionConfig::new().with_target_partitions(3)).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own session")]
    pub async fn with_session(config: &Config, session: SessionConfig) -> Result<Self> {
        let runtime = Arc::new(RuntimeEnv::default());
        let history = History::open(config, &runtime).await?;
        let context = SessionContext::new_with_config_rt(session, runtime);
        for relation in history.relations() {
            context.register_table(relation.name.as_str(), Arc::clone(relation.provider())).unwrap();
        }
        Ok(Self { history, context })
    }

    /// Rows as text, values separated by `|`, NULL as nothing.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        self.try_rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own session")]
    pub async fn try_rows(&self, sql: &str) -> datafusion::error::Result<Vec<String>> {
        let batches = self.context.sql(sql).await?.collect().await?;
        let mut rows = Vec::new();
        for batch in &batches {
            let format = FormatOptions::default();
            let columns: Vec<_> =
                batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &format).unwrap()).collect();
            rows.extend(
                (0..batch.num_rows()).map(|row| {
                    columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")
                }),
            );
        }
        Ok(rows)
    }

    pub fn columns(&self, table: &str) -> Vec<String> {
        let relation = self.history.relations().find(|relation| relation.name == table).unwrap();
        let named = |field: &arrow::datatypes::FieldRef| {
            format!("{} {}", field.name(), crate::pg_type::PgType::of_arrow(field.data_type()).sql_name())
        };
        relation.schema.fields().iter().map(named).collect()
    }
}
