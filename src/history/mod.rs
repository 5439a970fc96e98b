//! The purchase history: the user's own Parquet files read in place as the tables of the contract.
//!
//! [`History::open`] finds the files, settles names and types ([`mapping`]), makes a relation of every table that is
//! there or can be derived ([`relation`]), and refuses what cannot be read rightly. Files are never copied or changed.
//! Nothing is kept in memory but the stores' clocks, the loyalty levels, what the files' footers say and the member index.
//! The contract itself stands in [`contract`]; [`check`] reports what is readable but surprising.

pub mod check;
mod clocks;
pub mod contract;
pub mod dictionary;
mod engine;
pub mod id;
pub mod index;
mod keys;
mod local_time;
mod mapped;
mod mapping;
mod numeric;
mod open;
mod probes;
pub mod relation;
pub mod scope;
mod tables;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Date32Type, SchemaRef};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use regulars_udfs::{Tables, Zone};

pub use self::dictionary::Dictionary;
pub use self::relation::AsOf;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Result;
use crate::storage::footer::{ParquetFiles, Size, Warnings};
use crate::storage::parquet_table::StatementFiles;
use crate::storage::watch::FilesWatch;

/// The history that a server serves; shared by all sessions, cheap to clone.
#[derive(Debug, Clone)]
pub struct History(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    relations: Vec<HistoryRelation>,
    zone: Zone,
    /// Where business days of the head office start, from midnight.
    day_starts_us: i64,
    tables: Tables,
    warnings: Arc<Warnings>,
    engine: engine::Engine,
    checked: check::Checked,
    dictionary: dictionary::DictionarySource,
    /// `None` without receipts.
    index: Option<index::Keeper>,
    watch: FilesWatch,
}

/// A table of the history as the catalog shows it.
#[derive(Debug, Clone)]
pub struct HistoryRelation {
    pub name: String,
    /// Every column is nullable.
    pub schema: SchemaRef,
    pub comment: String,
    provider: Arc<dyn TableProvider>,
    /// The files that hold it; a derived table has none of its own.
    files: Option<Arc<ParquetFiles>>,
}

impl HistoryRelation {
    pub fn provider(&self) -> &Arc<dyn TableProvider> {
        &self.provider
    }
}

impl History {
    /// Lists the files, reads their footers, checks the mapping, the keys and the zones. Object stores are registered
    /// with `runtime`, which the sessions that read the relations have to share.
    ///
    /// # Errors
    /// F0000 for a configuration or a column that cannot be used, 58P01 for a path without files, 58030 for one that
    /// cannot be read, 23505 for a key that repeats, XX001 for data that cannot be read, 22023 for levels or parts of
    /// the day that contradict each other. Each names file, column, what was found and what is needed.
    pub async fn open(config: &Config, runtime: &Arc<RuntimeEnv>) -> Result<Self> {
        Ok(Self(Arc::new(open::open(config, runtime, open::RepeatedKeys::AsConfigured).await?)))
    }

    /// As [`Self::open`], but a key that repeats does not stop it: for [`check::check`], which reports all of them.
    ///
    /// # Errors
    /// As [`Self::open`], without 23505.
    pub async fn open_to_check(config: &Config, runtime: &Arc<RuntimeEnv>) -> Result<Self> {
        Ok(Self(Arc::new(open::open(config, runtime, open::RepeatedKeys::Accepted).await?)))
    }

    /// In the order of the contract, then the user's own tables by name.
    pub fn relations(&self) -> impl Iterator<Item = &HistoryRelation> {
        self.0.relations.iter()
    }

    pub fn relation(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.relations().find(|relation| relation.name == name).map(|relation| Arc::clone(&relation.provider))
    }

    /// What the files of a table hold, as they were seen last; `None` for a table without files of its own.
    pub fn size(&self, name: &str) -> Option<Size> {
        let relation = self.relations().find(|relation| relation.name == name)?;
        relation.files.as_ref().map(|files| files.size_seen())
    }

    /// The lines of receipts of any day, whatever day a statement asks about: for who joins them to receipts that are cut.
    pub fn all_lines(&self) -> Option<Arc<dyn TableProvider>> {
        self.relation("purchase_lines").map(relation::undated)
    }

    /// The zone of the head office, whose business date is "today"; also that of unknown stores.
    pub fn head_office_zone(&self) -> &Zone {
        &self.0.zone
    }

    /// Where business days of the head office start, in microseconds from midnight.
    pub fn head_office_day_starts_us(&self) -> i64 {
        self.0.day_starts_us
    }

    /// The business date of an instant in a zone, with the head office's start of the day.
    pub fn business_date_in(&self, zone: &Zone, at: DateTime<Utc>) -> NaiveDate {
        let days = regulars_udfs::business_date_of(at.timestamp_micros(), zone, self.0.day_starts_us);
        Date32Type::to_naive_date_opt(days).unwrap_or_else(|| at.date_naive())
    }

    /// What words mean that name products and stores, for a statement that sees these files.
    ///
    /// # Errors
    /// As reading the tables.
    pub async fn dictionary(&self, files: &Arc<StatementFiles>) -> Result<Arc<Dictionary>> {
        self.0.dictionary.of_statement(&self.0.engine, files).await
    }

    /// What tells the files that a statement sees from any others: for each table its name, then a line for each of its
    /// files with path, size and instant of change.
    ///
    /// # Errors
    /// As listing the files.
    pub async fn files_seen(&self, files: &Arc<StatementFiles>) -> Result<String> {
        let mut text = String::new();
        for relation in self.relations() {
            let Some(of_relation) = &relation.files else { continue };
            text.push_str(&format!("{}\n", relation.name));
            let seen = files.seen(of_relation).await?;
            let mut lines: Vec<String> = seen
                .iter()
                .map(|footer| &footer.meta)
                .map(|meta| format!("{}\t{}\t{}\n", meta.location, meta.size, meta.last_modified.timestamp_micros()))
                .collect();
            lines.sort();
            text.extend(lines);
        }
        Ok(text)
    }

    /// What stays the same as long as the files do; see [`FilesWatch::version`].
    pub fn files_version(&self, now: DateTime<Utc>) -> Option<u64> {
        self.0.watch.version(now)
    }

    /// The member index, if it holds just the files that a statement sees.
    ///
    /// # Errors
    /// As listing the files.
    pub async fn index(&self, files: &Arc<StatementFiles>) -> Result<Option<Arc<index::Built>>> {
        match &self.0.index {
            Some(keeper) => keeper.of_statement(files).await,
            None => Ok(None),
        }
    }

    /// Builds the member index if files have changed since it was built; `false` when there was nothing to do.
    ///
    /// # Errors
    /// As [`index::Keeper::build`].
    pub async fn build_index(&self, clock: &dyn Clock) -> Result<bool> {
        match &self.0.index {
            Some(keeper) => keeper.build(clock).await,
            None => Ok(false),
        }
    }

    /// Takes new files into the member index, if that is all there is to do.
    ///
    /// # Errors
    /// As [`index::Keeper::build`].
    pub async fn catch_up_index(&self, clock: &dyn Clock) -> Result<index::CaughtUp> {
        match &self.0.index {
            Some(keeper) => keeper.catch_up(clock).await,
            None => Ok(index::CaughtUp::No),
        }
    }

    /// Whether receipts have a table of their own, which lines borrow from.
    pub fn has_receipts_of_their_own(&self) -> bool {
        self.relations().any(|relation| relation.name == "purchases" && relation.files.is_some())
    }

    /// Whether there is a member index that does not hold the files as they were seen last.
    pub fn is_index_behind(&self) -> bool {
        let status = self.index_status();
        status.is_some_and(|status| status.members.is_some() && status.state != index::IndexState::Fresh)
    }

    /// Keeps the member index in this folder across starts.
    pub fn keep_index_in(&self, folder: PathBuf) {
        if let Some(keeper) = &self.0.index {
            keeper.keep_in(folder);
        }
    }

    pub fn index_status(&self) -> Option<index::IndexStatus> {
        self.0.index.as_ref().map(index::Keeper::status)
    }

    /// The loyalty levels (table `loyalty_levels`) and the parts of the day (`[tables.day_parts]`: `day_part`,
    /// `from_time`, `to_time`) as they were at open: the constants that functions are made with.
    pub fn tables(&self) -> &Tables {
        &self.0.tables
    }

    /// What the operator should know, each once: files left out, receipts of unknown stores, …
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings.all()
    }
}

#[cfg(test)]
mod tests;
