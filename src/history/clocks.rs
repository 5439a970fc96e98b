//! The clocks of the stores as the files have them now: read when the history is opened and again when the files of
//! the stores have changed.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Time64MicrosecondType;
use object_store::ObjectMeta;
use regulars_udfs::Zone;
use tokio::sync::Mutex;

use super::engine::Engine;
use super::id::Id;
use super::local_time::StoreClocks;
use super::mapped::{Mapped, Needed};
use crate::error::{Result, message};
use crate::storage::parquet_table::StatementFiles;

/// Gives the clocks of now.
#[derive(Debug)]
pub struct ClockSource {
    own: Arc<StoreClocks>,
    /// The table of stores, if the history has one; its zones and day starts are filled from the configuration.
    stores: Option<Mapped>,
    engine: Engine,
    read: Mutex<Option<(Vec<ObjectMeta>, Arc<StoreClocks>)>>,
    zone: Zone,
    day_starts_us: i64,
}

impl ClockSource {
    /// `zone` and `day_starts_us`, from midnight, are those of stores that are unknown.
    pub fn new(zone: Zone, day_starts_us: i64, stores: Option<Mapped>, engine: Engine) -> Self {
        let own = Arc::new(StoreClocks::new(zone.clone(), day_starts_us));
        Self { own, stores, engine, read: Mutex::new(None), zone, day_starts_us }
    }

    /// The history's own clock alone.
    pub fn own(&self) -> Arc<StoreClocks> {
        Arc::clone(&self.own)
    }

    /// The clocks of all stores, for a statement that sees these files.
    ///
    /// # Errors
    /// XX001 when a store's zone is not in the IANA database.
    pub async fn of_statement(&self, statement: &Arc<StatementFiles>) -> Result<Arc<StoreClocks>> {
        let Some(stores) = &self.stores else { return Ok(self.own()) };
        let seen = statement.seen(&stores.files).await?;
        let files: Vec<ObjectMeta> = seen.iter().map(|footer| footer.meta.clone()).collect();
        let mut read = self.read.lock().await;
        if let Some((known, clocks)) = read.as_ref()
            && *known == files
        {
            return Ok(Arc::clone(clocks));
        }
        let clocks = Arc::new(self.read(stores, statement).await?);
        *read = Some((files, Arc::clone(&clocks)));
        Ok(clocks)
    }

    async fn read(&self, stores: &Mapped, statement: &Arc<StatementFiles>) -> Result<StoreClocks> {
        let needed: Needed = ["store_id", "time_zone", "day_starts_at"].map(str::to_owned).into();
        let what = format!("table \"{}\"", stores.name);
        let plan = stores.plan(&needed, &self.own, None).map_err(|error| super::engine::fault(error, &what))?;
        let mut clocks = StoreClocks::new(self.zone.clone(), self.day_starts_us);
        for batch in self.engine.seeing(statement).rows(&plan, &what).await? {
            add_batch(&mut clocks, &batch)?;
        }
        Ok(clocks)
    }
}

fn add_batch(clocks: &mut StoreClocks, batch: &RecordBatch) -> Result<()> {
    let columns = ["store_id", "time_zone", "day_starts_at"].map(|name| batch.column_by_name(name));
    let [Some(ids), Some(zones), Some(day_starts)] = columns else {
        return Err(message::internal("the table of stores lacks a column that was asked for"));
    };
    let zones = zones.as_string_view();
    let day_starts = day_starts.as_primitive::<Time64MicrosecondType>();
    for row in 0..batch.num_rows() {
        let Some(store) = Id::of_row(ids, row) else { continue };
        let zone = zones.value(row);
        let zone: Zone =
            zone.parse().map_err(|refusal| message::unknown_store_zone(&store.to_string(), zone, &refusal))?;
        clocks.add(store, zone, day_starts.value(row));
    }
    Ok(())
}
