//! What words of a query mean: products by id, SKU, name and category; stores by id, name and currency.
//!
//! Read from the relations `products` and `stores` when a statement first asks, and again when their files have
//! changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use object_store::ObjectMeta;
use tokio::sync::Mutex;

use super::HistoryRelation;
use super::engine::{Engine, fault};
use super::id::Id;
use super::mapped::column;
use crate::error::Result;
use crate::storage::footer::ParquetFiles;
use crate::storage::parquet_table::StatementFiles;

/// The words of a history, as its files had them when a statement asked.
#[derive(Debug, Default)]
pub struct Dictionary {
    pub products: Products,
    pub stores: Stores,
}

/// Products by the words that name them.
#[derive(Debug, Default)]
pub struct Products {
    ids: BTreeSet<Id>,
    by_sku: BTreeMap<String, Vec<Id>>,
    by_name: BTreeMap<String, Vec<Id>>,
    by_category: BTreeMap<String, Vec<Id>>,
}

impl Products {
    /// A word is a product id, else a SKU, else a name, which may be that of several products.
    pub fn named(&self, word: &str) -> Option<Vec<Id>> {
        if let Some(id) = known_id(&self.ids, word) {
            return Some(vec![id]);
        }
        self.by_sku.get(word).or_else(|| self.by_name.get(word)).cloned()
    }

    pub fn of_category(&self, category: &str) -> Option<&[Id]> {
        self.by_category.get(category).map(Vec::as_slice)
    }

    /// Every word but the ids, for a guess at what was meant.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().chain(self.by_sku.keys()).map(String::as_str)
    }

    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.by_category.keys().map(String::as_str)
    }
}

/// Stores by the words that name them.
#[derive(Debug, Default)]
pub struct Stores {
    ids: BTreeSet<Id>,
    by_name: BTreeMap<String, Vec<Id>>,
    currencies: BTreeMap<Id, String>,
}

impl Stores {
    /// A word is a store id, else a name.
    pub fn named(&self, word: &str) -> Option<Vec<Id>> {
        known_id(&self.ids, word).map(|id| vec![id]).or_else(|| self.by_name.get(word).cloned())
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str).chain(self.ids.iter().filter_map(Id::as_text))
    }

    /// The stores that say their currency, with it.
    pub fn currencies(&self) -> &BTreeMap<Id, String> {
        &self.currencies
    }
}

fn known_id(ids: &BTreeSet<Id>, word: &str) -> Option<Id> {
    let text = Id::Text(word.to_owned());
    if ids.contains(&text) {
        return Some(text);
    }
    // Only as the number itself is written: "007" is a word.
    let number = word.parse().ok().filter(|number: &i64| number.to_string() == word).map(Id::Number)?;
    ids.contains(&number).then_some(number)
}

/// Gives the dictionary of now.
#[derive(Debug)]
pub struct DictionarySource {
    products: Option<Words>,
    stores: Option<Words>,
    read: Mutex<Option<(Vec<ObjectMeta>, Arc<Dictionary>)>>,
}

/// A relation with words in it, and the files that its rows come from.
#[derive(Debug)]
struct Words {
    name: String,
    provider: Arc<dyn TableProvider>,
    files: Arc<ParquetFiles>,
}

impl DictionarySource {
    /// `files_of`: the files behind the relations `products` and `stores`, which may be those of receipts.
    pub fn new(relations: &[HistoryRelation], files_of: impl Fn(&str) -> Option<Arc<ParquetFiles>>) -> Self {
        let words = |name: &str| {
            let relation = relations.iter().find(|relation| relation.name == name)?;
            Some(Words { name: name.to_owned(), provider: Arc::clone(&relation.provider), files: files_of(name)? })
        };
        Self { products: words("products"), stores: words("stores"), read: Mutex::new(None) }
    }

    /// # Errors
    /// As reading the relations.
    pub async fn of_statement(&self, engine: &Engine, statement: &Arc<StatementFiles>) -> Result<Arc<Dictionary>> {
        let mut files = Vec::new();
        for words in self.products.iter().chain(&self.stores) {
            files.extend(statement.seen(&words.files).await?.iter().map(|footer| footer.meta.clone()));
        }
        let mut read = self.read.lock().await;
        if let Some((known, dictionary)) = read.as_ref()
            && *known == files
        {
            return Ok(Arc::clone(dictionary));
        }
        let engine = engine.seeing(statement);
        let mut dictionary = Dictionary::default();
        if let Some(words) = &self.products {
            for batch in words.rows(&engine, &["product_id", "sku", "name", "category"]).await? {
                dictionary.products.add(&batch);
            }
        }
        if let Some(words) = &self.stores {
            for batch in words.rows(&engine, &["store_id", "name", "currency"]).await? {
                dictionary.stores.add(&batch);
            }
        }
        let dictionary = Arc::new(dictionary);
        *read = Some((files, Arc::clone(&dictionary)));
        Ok(dictionary)
    }
}

impl Words {
    async fn rows(&self, engine: &Engine, wanted: &[&str]) -> Result<Vec<RecordBatch>> {
        let schema = self.provider.schema();
        let shown = wanted.iter().filter(|name| schema.index_of(name).is_ok()).map(|name| column(*name));
        let what = format!("table \"{}\"", self.name);
        let plan = LogicalPlanBuilder::scan(self.name.as_str(), provider_as_source(Arc::clone(&self.provider)), None)
            .and_then(|scan| scan.project(shown)?.build())
            .map_err(|error| fault(error, &what))?;
        engine.rows(&plan, &what).await
    }
}

impl Products {
    fn add(&mut self, batch: &RecordBatch) {
        let Some(ids) = batch.column_by_name("product_id") else { return };
        for row in 0..batch.num_rows() {
            let Some(id) = Id::of_row(ids, row) else { continue };
            let words = [("sku", &mut self.by_sku), ("name", &mut self.by_name), ("category", &mut self.by_category)];
            for (name, by_word) in words {
                if let Some(word) = text_at(batch.column_by_name(name), row) {
                    by_word.entry(word.to_owned()).or_default().push(id.clone());
                }
            }
            self.ids.insert(id);
        }
    }
}

impl Stores {
    fn add(&mut self, batch: &RecordBatch) {
        let Some(ids) = batch.column_by_name("store_id") else { return };
        for row in 0..batch.num_rows() {
            let Some(id) = Id::of_row(ids, row) else { continue };
            if let Some(word) = text_at(batch.column_by_name("name"), row) {
                self.by_name.entry(word.to_owned()).or_default().push(id.clone());
            }
            if let Some(currency) = text_at(batch.column_by_name("currency"), row) {
                self.currencies.insert(id.clone(), currency.to_owned());
            }
            self.ids.insert(id);
        }
    }
}

fn text_at(texts: Option<&ArrayRef>, row: usize) -> Option<&str> {
    let texts = texts?.as_string_view_opt()?;
    texts.is_valid(row).then(|| texts.value(row))
}
