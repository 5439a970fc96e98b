//! Opening a history: find the files, settle names and types, make the relations, refuse what cannot be read rightly.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::runtime_env::RuntimeEnv;
use regulars_udfs::{Zone, time_of_day};

use super::check::Checked;
use super::clocks::ClockSource;
use super::contract::{self, BORROWED_COLUMNS, ContractTable, Entity, LOCAL_COLUMNS};
use super::dictionary::DictionarySource;
use super::engine::{Engine, fault};
use super::index::{self, Grows, Holds, Keeper};
use super::mapped::{Mapped, text};
use super::mapping::{Draft, Source, TypeChoices};
use super::relation::{
    self, DerivedMembers, DerivedProducts, DerivedStores, GroupedPurchases, HistoryTable, JoinedLines, LinesAlone,
    Members, Plain, Purchases, ReceiptRows, Shape, UnitedMembers,
};
use super::{HistoryRelation, Opened, keys, tables};
use crate::config::{Config, Duplicates, HistoryConfig, Instants, TableConfig};
use crate::error::{Result, message};
use crate::storage::footer::{ParquetFiles, Warnings};
use crate::storage::location::Location;
use crate::storage::watch::FilesWatch;

/// Where business days start unless the history or the store says otherwise.
const DAY_STARTS_AT: &str = "04:00";

/// From here on, reading a column of a table takes long enough to say so.
const ROWS_WORTH_TELLING: usize = 2_000_000;

/// What a key that repeats does to opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepeatedKeys {
    /// What the configuration says: stops it, or the first row of each key is shown.
    AsConfigured,
    /// Nothing.
    Accepted,
}

pub async fn open(config: &Config, runtime: &Arc<RuntimeEnv>, repeated_keys: RepeatedKeys) -> Result<Opened> {
    let (zone, day_starts_us) = own_clock(&config.history)?;
    let opening = Opening { config, runtime, warnings: Arc::default(), engine: Engine::new(runtime) };
    let sources = opening.sources().await?;
    let mut mapped = opening.mapped(sources)?;
    if let Some(stores) = mapped.remove("stores") {
        let stores = stores
            .with_default("time_zone", text(zone.name()))
            .with_default("day_starts_at", time_value(day_starts_us));
        mapped.insert("stores".to_owned(), stores);
    }
    let clocks =
        Arc::new(ClockSource::new(zone.clone(), day_starts_us, mapped.get("stores").cloned(), opening.engine.clone()));
    clocks.of_statement(&Arc::default()).await?;
    let shapes = opening.shapes(&mapped, &zone, day_starts_us);
    let mut relations = Vec::new();
    for (name, comment, shape) in shapes {
        let what = format!("table \"{name}\"");
        let table =
            HistoryTable::new(shape, Arc::clone(&clocks), opening.engine.state()).await.map_err(|e| fault(e, &what))?;
        let provider: Arc<dyn TableProvider> = Arc::new(table);
        let files = mapped.get(&name).map(|mapped| Arc::clone(&mapped.files));
        relations.push(HistoryRelation { name, schema: provider.schema(), comment, provider, files });
    }
    if repeated_keys == RepeatedKeys::AsConfigured {
        opening.check_keys(&mapped, &clocks).await?;
    }
    opening.check_stores(&mapped, &clocks).await?;
    let provider = |name: &str| relations.iter().find(|relation| relation.name == name).map(HistoryRelation::provider);
    let tables =
        tables::read(provider("loyalty_levels"), provider("day_parts"), provider("rfm_groups"), &opening.engine)
            .await?;
    let dictionary = DictionarySource::new(&relations, |name| {
        // Products and stores that nobody lists are those that receipts name.
        let derived_from: &[&str] =
            if name == "products" { &["purchase_lines"] } else { &["purchases", "purchase_lines"] };
        let table = mapped.get(name).or_else(|| derived_from.iter().find_map(|name| mapped.get(*name)));
        table.map(|table| Arc::clone(&table.files))
    });
    let index = index_keeper(&relations, &mapped, &opening);
    let watch = FilesWatch::new(mapped.values().map(|table| table.files.location().clone()).collect());
    let checked = Checked { tables: mapped, clocks };
    let Opening { warnings, engine, .. } = opening;
    Ok(Opened { relations, zone, day_starts_us, tables, warnings, engine, checked, dictionary, index, watch })
}

/// Keeps the member index of these relations; nothing is read yet.
fn index_keeper(
    relations: &[HistoryRelation],
    mapped: &BTreeMap<String, Mapped>,
    opening: &Opening<'_>,
) -> Option<Keeper> {
    let provider = |name: &str| relations.iter().find(|r| r.name == name).map(|r| Arc::clone(r.provider()));
    let undated = |name: &str| provider(name).map(relation::undated);
    let scale = |table: &str| {
        let field = relations.iter().find(|r| r.name == table)?.schema.field_with_name("amount").ok()?.clone();
        match field.data_type() {
            DataType::Decimal128(_, scale) => Some(*scale),
            _ => None,
        }
    };
    let relations = index::Relations {
        members: provider("members")?,
        purchases: undated("purchases")?,
        lines: undated("purchase_lines"),
        amount_scale: scale("purchases").max(scale("purchase_lines")).unwrap_or(0),
    };
    let has_receipts = mapped.contains_key("purchases");
    let sources = [
        ("members", Holds::Members),
        ("purchases", Holds::Receipts { receipts: true, lines: false }),
        ("purchase_lines", Holds::Receipts { receipts: !has_receipts, lines: true }),
        ("stores", Holds::Stores),
    ];
    let source = |(name, holds)| Some(index::Source { files: Arc::clone(&mapped.get(name)?.files), holds });
    let sources = sources.into_iter().filter_map(source).collect();
    let grows = match opening.config.history.duplicates {
        // Which of two rows is shown depends on both.
        Duplicates::First => Grows::Never,
        Duplicates::Error if mapped.contains_key("members") && opening.members_are_authoritative() => {
            Grows::WithMembersOfFiles
        }
        Duplicates::Error => Grows::WithMembersOfReceipts,
    };
    let settings = format!("{:?}", opening.config.history).into();
    Some(Keeper::new(relations, opening.engine.clone(), sources, grows, settings))
}

/// What all steps of opening share.
struct Opening<'a> {
    config: &'a Config,
    runtime: &'a Arc<RuntimeEnv>,
    warnings: Arc<Warnings>,
    engine: Engine,
}

impl Opening<'_> {
    /// The tables that have files, the user's own ones included.
    async fn sources(&self) -> Result<Vec<Source>> {
        let history = &self.config.history;
        let mut sources = Vec::new();
        for (name, table) in history.mapped() {
            let location = Location::parse(&table.path, &self.config.base, self.runtime)?;
            sources.push(self.source(name, format!("history.{name}"), table.clone(), location).await?);
        }
        if let Some(path) = &history.path {
            let folder = Location::parse(path, &self.config.base, self.runtime)?;
            folder.list().await?;
            for table in contract::TABLES {
                if sources.iter().any(|source| source.name == table.name) {
                    continue;
                }
                if let Some(location) = in_folder(&folder, table.name).await? {
                    let config = table_config(location.written());
                    sources.push(self.source(table.name, format!("history.{}", table.name), config, location).await?);
                }
            }
        }
        let has = |name: &str| sources.iter().any(|source| source.name == name);
        if !has("purchases") && !has("purchase_lines") {
            return Err(message::history_without_purchases(history.path.as_deref()));
        }
        for (name, table) in &self.config.tables {
            if contract::TABLES.iter().any(|contract| contract.name == name) {
                return Err(message::table_named_like_contract(name));
            }
            let location = Location::parse(&table.path, &self.config.base, self.runtime)?;
            sources.push(self.source(name, format!("tables.{name}"), table.clone(), location).await?);
        }
        Ok(sources)
    }

    async fn source(&self, name: &str, section: String, config: TableConfig, location: Location) -> Result<Source> {
        let files = Arc::new(ParquetFiles::new(location, Arc::clone(self.runtime), Arc::clone(&self.warnings)));
        let footers = files.current().await.map_err(|error| match error.hint() {
            Some(_) => error,
            None => error.with_hint(format!("[{section}] path = \"…\" names a file, a folder, a glob or a URL.")),
        })?;
        if footers.is_empty() {
            return Err(message::no_parquet_files(name, &section, files.location().written()));
        }
        let rows: usize = footers.iter().map(|footer| footer.rows).sum();
        tracing::debug!("table \"{name}\": {rows} rows, {} files", footers.len());
        Ok(Source { name: name.to_owned(), section, config, files, footers })
    }

    /// Settles names, then types, of all tables.
    fn mapped(&self, sources: Vec<Source>) -> Result<BTreeMap<String, Mapped>> {
        let has_purchases = sources.iter().any(|source| source.name == "purchases");
        let mut drafts = Vec::new();
        let mut ids = BTreeMap::new();
        for source in sources {
            let (contract, always, taken) = expectations(&source.name, has_purchases);
            let draft = Draft::new(source, contract, always, &taken)?;
            // A file that knows some of the members follows the receipts, not the other way round.
            let follows = draft.source.name == "members" && !self.members_are_authoritative();
            draft.collect_ids(&mut ids, follows.then_some(Entity::Member))?;
            drafts.push((draft, contract));
        }
        if let std::collections::btree_map::Entry::Vacant(entry) = ids.entry(Entity::Member) {
            entry.insert(DataType::Utf8View);
        }
        let choices = TypeChoices { ids, amount_scale: self.config.history.amount_scale };
        let mut mapped = BTreeMap::new();
        for (draft, contract) in drafts {
            let mut table = draft.finish(&choices, contract.and_then(|contract| contract.key))?;
            table.first_only = self.config.history.duplicates == Duplicates::First;
            if matches!(table.name.as_str(), "purchases" | "purchase_lines") {
                table = table.with_default("status", text("completed"));
            }
            mapped.insert(table.name.clone(), table);
        }
        Ok(mapped)
    }

    /// In a folder that follows the contract the table of members holds all of them.
    fn members_are_authoritative(&self) -> bool {
        self.config.history.path.is_some()
    }

    /// The relations in the order of the contract, then the user's own.
    fn shapes(
        &self,
        mapped: &BTreeMap<String, Mapped>,
        zone: &Zone,
        day_starts_us: i64,
    ) -> Vec<(String, String, Arc<dyn Shape>)> {
        let table = |name: &str| mapped.get(name).cloned();
        let (purchases, lines) = (table("purchases"), table("purchase_lines"));
        let Some(rows) = purchases.clone().or_else(|| lines.clone()).map(|rows| ReceiptRows(Arc::new(rows))) else {
            return Vec::new();
        };
        let mut shapes: Vec<(String, String, Arc<dyn Shape>)> = Vec::new();
        for contract in contract::TABLES {
            let shape: Option<Arc<dyn Shape>> = match contract.name {
                "members" => Some(match table("members") {
                    None => Arc::new(DerivedMembers(rows.clone())),
                    Some(members) if self.members_are_authoritative() => Arc::new(Members(members)),
                    Some(file) => Arc::new(UnitedMembers { file, receipts: rows.clone() }),
                }),
                "stores" => Some(match table("stores") {
                    Some(stores) => Arc::new(Plain(stores)),
                    None => Arc::new(DerivedStores {
                        receipts: rows.clone(),
                        time_zone: text(zone.name()),
                        day_starts_at: time_value(day_starts_us),
                    }),
                }),
                "products" => match (table("products"), lines.clone()) {
                    (Some(products), _) => Some(Arc::new(Plain(products))),
                    (None, Some(lines)) => Some(Arc::new(DerivedProducts(Arc::new(lines)))),
                    (None, None) => None,
                },
                "purchases" => match (purchases.clone(), lines.clone()) {
                    (Some(purchases), _) => Some(Arc::new(Purchases(purchases))),
                    (None, Some(lines)) => Some(Arc::new(GroupedPurchases(lines))),
                    (None, None) => None,
                },
                "purchase_lines" => match (lines.clone(), purchases.clone()) {
                    (Some(lines), Some(purchases)) => Some(Arc::new(JoinedLines { lines, purchases })),
                    (Some(lines), None) => Some(Arc::new(LinesAlone(lines))),
                    (None, _) => None,
                },
                name => table(name).map(|table| Arc::new(Plain(table)) as Arc<dyn Shape>),
            };
            shapes.extend(shape.map(|shape| (contract.name.to_owned(), contract.comment.to_owned(), shape)));
        }
        for name in self.config.tables.keys() {
            let comment = "a table of the user's own".to_owned();
            shapes.extend(table(name).map(|table| (name.clone(), comment, Arc::new(Plain(table)) as Arc<dyn Shape>)));
        }
        shapes
    }

    async fn check_keys(&self, mapped: &BTreeMap<String, Mapped>, clocks: &ClockSource) -> Result<()> {
        for table in mapped.values() {
            if let Some(key) = table.key {
                self.tell_progress(table, &format!("looking for values of {key} that repeat")).await?;
            }
            keys::refuse_repeated(table, clocks, &self.engine).await?;
            if table.first_only {
                let surplus = keys::surplus_rows(table, clocks, &self.engine).await?;
                if surplus > 0 {
                    self.warnings.add(format!(
                        "table \"{}\": {surplus} rows repeat a {} and are not shown (duplicates = \"first\")",
                        table.name,
                        table.key.unwrap_or("key")
                    ));
                }
            }
        }
        Ok(())
    }

    /// One line in the log before work that takes a while; none for small tables.
    async fn tell_progress(&self, table: &Mapped, doing: &str) -> Result<()> {
        let rows: usize = table.files.current().await?.iter().map(|footer| footer.rows).sum();
        if rows >= ROWS_WORTH_TELLING {
            tracing::info!("table \"{}\": {doing} in {rows} rows", table.name);
        }
        Ok(())
    }

    async fn check_stores(&self, mapped: &BTreeMap<String, Mapped>, clocks: &ClockSource) -> Result<()> {
        let receipts = mapped.get("purchases").or_else(|| mapped.get("purchase_lines"));
        let (Some(receipts), true) = (receipts, mapped.contains_key("stores")) else { return Ok(()) };
        let is_lines = receipts.name == "purchase_lines";
        self.tell_progress(receipts, "looking for stores that are not known").await?;
        let unknown = keys::receipts_of_unknown_stores(receipts, is_lines, clocks, &self.engine).await?;
        if unknown > 0 {
            self.warnings.add(format!(
                "{unknown} receipts name a store that table \"stores\" does not have; they are read in the history's own zone"
            ));
        }
        Ok(())
    }
}

/// The contract of a table, the optional columns it always shows, and the names its relation derives.
fn expectations(
    name: &str,
    has_purchases: bool,
) -> (Option<&'static ContractTable>, &'static [&'static str], Vec<&'static str>) {
    let contract = contract::TABLES.into_iter().find(|contract| contract.name == name);
    match name {
        "stores" => (contract, &["time_zone", "day_starts_at"], vec![]),
        "purchases" => (contract, &["channel", "status"], LOCAL_COLUMNS.to_vec()),
        "purchase_lines" if has_purchases => (contract, &[], [&BORROWED_COLUMNS[..], &LOCAL_COLUMNS[..]].concat()),
        "purchase_lines" => {
            (Some(&contract::LINES_ALONE), &["member_id", "store_id", "channel", "status"], LOCAL_COLUMNS.to_vec())
        }
        _ => (contract, &[], vec![]),
    }
}

/// `NAME.parquet` or the folder `NAME` in a folder that follows the contract.
async fn in_folder(folder: &Location, name: &str) -> Result<Option<Location>> {
    for child in [format!("{name}.parquet"), name.to_owned()] {
        let location = folder.join(&child);
        if location.exists().await? {
            return Ok(Some(location));
        }
    }
    Ok(None)
}

fn table_config(path: &str) -> TableConfig {
    TableConfig { path: path.to_owned(), instants: Instants::Utc, columns: BTreeMap::new(), values: BTreeMap::new() }
}

/// The clock of stores that say nothing of their own: the zone, and the start of the business day from midnight.
fn own_clock(history: &HistoryConfig) -> Result<(Zone, i64)> {
    let zone = history.time_zone.as_deref().unwrap_or("UTC");
    let zone = zone.parse().map_err(|refusal| message::unknown_configured_zone(zone, &refusal))?;
    let day = history.day_starts_at.as_deref().unwrap_or(DAY_STARTS_AT);
    let day = match time_of_day::parse(day) {
        Ok(us) if us < time_of_day::DAY_US => us,
        _ => return Err(message::unreadable_day_start(day)),
    };
    if !(0..=18).contains(&history.amount_scale) {
        return Err(message::impossible_amount_scale(history.amount_scale));
    }
    Ok((zone, day))
}

fn time_value(us: i64) -> ScalarValue {
    ScalarValue::Time64Microsecond(Some(us))
}
