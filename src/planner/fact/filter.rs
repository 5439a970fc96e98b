//! The filters of a fact: from constants of the statement to identifiers, bounds and sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Date32Type};
use chrono::{Duration, Months, NaiveDate};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::scalar::ScalarValue;
use regulars_udfs::{TimeWindow, WeekdaySet};

use super::{Fact, FactCall};
use crate::error::{Error, Result, message};
use crate::history::Dictionary;
use crate::history::id::Id;
pub use crate::history::scope::{Ids, Scope};
use crate::pg_type::PgType;
use crate::planner::dialect::Session;
use crate::planner::{Told, constant};
use crate::wire::text_value;

/// What a fact may be asked to look at only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilterName {
    Product,
    AllProducts,
    Category,
    Store,
    Channel,
    Currency,
    Days,
    Hours,
    FromDate,
    ToDate,
    Last,
    MinAmount,
    Gross,
}

impl FilterName {
    pub const ALL: [FilterName; 13] = [
        FilterName::Product,
        FilterName::AllProducts,
        FilterName::Category,
        FilterName::Store,
        FilterName::Channel,
        FilterName::Currency,
        FilterName::Days,
        FilterName::Hours,
        FilterName::FromDate,
        FilterName::ToDate,
        FilterName::Last,
        FilterName::MinAmount,
        FilterName::Gross,
    ];

    pub fn name(self) -> &'static str {
        match self {
            FilterName::Product => "product",
            FilterName::AllProducts => "all_products",
            FilterName::Category => "category",
            FilterName::Store => "store",
            FilterName::Channel => "channel",
            FilterName::Currency => "currency",
            FilterName::Days => "days",
            FilterName::Hours => "hours",
            FilterName::FromDate => "from_date",
            FilterName::ToDate => "to_date",
            FilterName::Last => "last",
            FilterName::MinAmount => "min_amount",
            FilterName::Gross => "gross",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// The type that a parameter has as this filter's value, unless the client says another.
    pub fn parameter_type(self) -> PgType {
        match self {
            FilterName::FromDate | FilterName::ToDate => PgType::DATE,
            FilterName::Last => PgType::INTERVAL,
            FilterName::MinAmount => PgType::NUMERIC,
            FilterName::Gross => PgType::BOOL,
            _ => PgType::TEXT,
        }
    }

    /// How it is written, for hints.
    fn example(self) -> &'static str {
        match self {
            FilterName::Product => "product => 'Bryggkaffe'",
            FilterName::AllProducts => "all_products => ARRAY['Bryggkaffe', 'Bun']",
            FilterName::Category => "category => 'coffee'",
            FilterName::Store => "store => 'Stockholm'",
            FilterName::Channel => "channel => 'app'",
            FilterName::Currency => "currency => 'SEK'",
            FilterName::Days => "days => 'mon-thu,sat'",
            FilterName::Hours => "hours => '11:00-14:00'",
            FilterName::FromDate => "from_date => '2026-09-01'",
            FilterName::ToDate => "to_date => '2026-09-30'",
            FilterName::Last => "last => '60 days'",
            FilterName::MinAmount => "min_amount => 60",
            FilterName::Gross => "gross => true",
        }
    }
}

/// Reads the filters of calls.
pub struct Reader<'a> {
    pub dictionary: &'a Dictionary,
    /// `asof()`.
    pub day: NaiveDate,
    pub session: Session,
    pub simplify: &'a SimplifyContext,
    pub told: &'a Told,
}

impl Reader<'_> {
    /// The scope that a call's filters make.
    ///
    /// Errors: 22004 for NULL; 22023 for a word that names nothing, an impossible hour or weekday, a window without a
    /// unit; 42804 for a value of the wrong type; 42P10 for one that is not a constant of the statement.
    pub fn scope(&self, call: &FactCall, filters: &[(FilterName, &Expr)]) -> Result<Scope> {
        let mut scope = Scope::default();
        for (filter, value) in filters {
            self.narrow(&mut scope, call, *filter, value)?;
        }
        Ok(scope)
    }

    fn narrow(&self, scope: &mut Scope, call: &FactCall, filter: FilterName, expr: &Expr) -> Result<()> {
        let value = self.constant(filter, expr)?;
        match filter {
            FilterName::Product => {
                let ids = self.all_named(call, filter, &value, |word| self.dictionary.products.named(word))?;
                scope.products = Some(both(scope.products.take(), ids));
            }
            FilterName::Category => {
                let of_category = |word: &str| self.dictionary.products.of_category(word).map(<[Id]>::to_vec);
                let ids = self.all_named(call, filter, &value, of_category)?;
                scope.products = Some(both(scope.products.take(), ids));
            }
            FilterName::AllProducts => {
                for word in texts(filter, &value)? {
                    let ids = self.named(call, filter, &word, |word| self.dictionary.products.named(word))?;
                    scope.all_products.push(Arc::new(ids.into_iter().flatten().collect()));
                }
            }
            FilterName::Store => {
                let ids = self.all_named(call, filter, &value, |word| self.dictionary.stores.named(word))?;
                scope.stores = Some(both(scope.stores.take(), ids));
            }
            FilterName::Currency => {
                let ids = self.all_named(call, filter, &value, |word| {
                    let currencies = self.dictionary.stores.currencies().iter();
                    let stores: Vec<Id> =
                        currencies.filter(|(_, currency)| *currency == word).map(|(store, _)| store.clone()).collect();
                    (!stores.is_empty()).then_some(stores)
                })?;
                scope.stores = Some(both(scope.stores.take(), ids));
            }
            FilterName::Channel => scope.channels = Some(Arc::new(texts(filter, &value)?.into_iter().collect())),
            FilterName::Days => scope.weekdays = Some(WeekdaySet::parse(&text(filter, &value)?).map_err(refused)?),
            FilterName::Hours => scope.hours = Some(TimeWindow::parse(&text(filter, &value)?).map_err(refused)?),
            FilterName::FromDate => scope.from_day = scope.from_day.max(Some(self.date(filter, &value)?)),
            FilterName::ToDate => scope.to_day = Some(self.date(filter, &value)?),
            FilterName::Last => {
                let before = days_of(self.before(filter, &value)?);
                scope.from_day = scope.from_day.max(Some(before + 1));
            }
            FilterName::MinAmount => scope.min_amount = Some(self.amount(filter, &value)?),
            FilterName::Gross => scope.is_gross = self.truth(filter, &value)?,
        }
        Ok(())
    }

    /// The value of a filter, which must not depend on a row.
    fn constant(&self, filter: FilterName, expr: &Expr) -> Result<ScalarValue> {
        match constant::value(self.simplify, expr)? {
            Some(value) if value.is_null() => Err(message::fact_filter_null(filter.name())),
            Some(value) => Ok(value),
            None => Err(message::fact_filter_not_constant(filter.name())),
        }
    }

    fn all_named(
        &self,
        call: &FactCall,
        filter: FilterName,
        value: &ScalarValue,
        look_up: impl Fn(&str) -> Option<Vec<Id>>,
    ) -> Result<BTreeSet<Id>> {
        let mut ids = BTreeSet::new();
        for word in texts(filter, value)? {
            ids.extend(self.named(call, filter, &word, &look_up)?.into_iter().flatten());
        }
        Ok(ids)
    }

    /// What a word names. A word that names nothing is an error where the client wrote it, a warning in a view: there
    /// nothing is of that name, and the view goes on.
    fn named(
        &self,
        call: &FactCall,
        filter: FilterName,
        word: &str,
        look_up: impl Fn(&str) -> Option<Vec<Id>>,
    ) -> Result<Option<Vec<Id>>> {
        if let Some(ids) = look_up(word) {
            return Ok(Some(ids));
        }
        let error = self.unknown(filter, word);
        if call.is_own {
            return Err(error);
        }
        self.told.warn(error);
        Ok(None)
    }

    fn unknown(&self, filter: FilterName, word: &str) -> Error {
        let dictionary = self.dictionary;
        match filter {
            FilterName::Store => message::store_unknown(word, dictionary.stores.words()),
            FilterName::Category => message::category_unknown(word, dictionary.products.categories()),
            FilterName::Currency => {
                let known: BTreeSet<&str> = dictionary.stores.currencies().values().map(String::as_str).collect();
                message::currency_unknown(word, known)
            }
            _ => message::product_unknown(word, dictionary.products.words()),
        }
    }

    fn date(&self, filter: FilterName, value: &ScalarValue) -> Result<i32> {
        match value {
            ScalarValue::Date32(Some(days)) => Ok(*days),
            _ => match value.try_as_str().flatten() {
                Some(text) => match text_value(text.trim(), PgType::DATE, &self.session.text_format())? {
                    ScalarValue::Date32(Some(days)) => Ok(days),
                    _ => Err(wrong_type(filter, value)),
                },
                None => Err(wrong_type(filter, value)),
            },
        }
    }

    /// The last day that a window of this length leaves out: `(asof() - interval)::date`.
    fn before(&self, filter: FilterName, value: &ScalarValue) -> Result<NaiveDate> {
        let interval = match value {
            ScalarValue::IntervalMonthDayNano(Some(interval)) => *interval,
            _ => match value.try_as_str().flatten() {
                // PostgreSQL reads a bare number as seconds, which nobody means.
                Some(text) if text.trim().parse::<f64>().is_ok() => {
                    return Err(message::fact_window_without_unit(text.trim()));
                }
                Some(text) => {
                    let read = text_value(text, PgType::INTERVAL, &self.session.text_format());
                    match read.map_err(|error| error.with_hint(hint(filter)))? {
                        ScalarValue::IntervalMonthDayNano(Some(interval)) => interval,
                        _ => return Err(wrong_type(filter, value)),
                    }
                }
                None if value.data_type().is_numeric() => {
                    return Err(message::fact_window_without_unit(&value.to_string()));
                }
                None => return Err(wrong_type(filter, value)),
            },
        };
        let months = Months::new(interval.months.unsigned_abs());
        let moved = if interval.months >= 0 {
            self.day.checked_sub_months(months)
        } else {
            self.day.checked_add_months(months)
        };
        moved
            .and_then(|day| day.checked_sub_signed(Duration::try_days(i64::from(interval.days))?))
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .and_then(|at| at.checked_sub_signed(Duration::nanoseconds(interval.nanoseconds)))
            .map(|at| at.date())
            .ok_or_else(|| message::fact_window_too_long(filter.name()))
    }

    fn amount(&self, filter: FilterName, value: &ScalarValue) -> Result<ScalarValue> {
        let number = match value {
            ScalarValue::Decimal128(..) => return Ok(value.clone()),
            _ if value.data_type().is_integer() => value.to_string(),
            _ => value.try_as_str().flatten().ok_or_else(|| wrong_type(filter, value))?.to_owned(),
        };
        text_value(number.trim(), PgType::NUMERIC, &self.session.text_format())
    }

    fn truth(&self, filter: FilterName, value: &ScalarValue) -> Result<bool> {
        let read = match value.try_as_str().flatten() {
            Some(text) => text_value(text.trim(), PgType::BOOL, &self.session.text_format())?,
            None => value.clone(),
        };
        match read {
            ScalarValue::Boolean(Some(truth)) => Ok(truth),
            _ => Err(wrong_type(filter, value)),
        }
    }
}

/// Whether a call's filters are words, or the fact adds up money, so that the dictionary is needed to read it.
pub fn needs_dictionary(fact: Fact, filters: &[(FilterName, &Expr)]) -> bool {
    let is_word = |(filter, _): &(FilterName, &Expr)| {
        matches!(
            filter,
            FilterName::Product
                | FilterName::AllProducts
                | FilterName::Category
                | FilterName::Store
                | FilterName::Currency
        )
    };
    fact.is_money() || filters.iter().any(is_word)
}

pub fn days_of(date: NaiveDate) -> i32 {
    Date32Type::from_naive_date(date)
}

/// One text, or the texts of an array, which may also be written as PostgreSQL writes one: `'{a,b}'`.
fn texts(filter: FilterName, value: &ScalarValue) -> Result<Vec<String>> {
    if let Some(text) = value.try_as_str().flatten() {
        if !text.starts_with('{') {
            return Ok(vec![text.to_owned()]);
        }
        let array = PgType { oid: PgType::TEXT.info().map_or(0, |info| info.array_oid), typmod: -1 };
        let utc = crate::session::TextFormat::UTC;
        return texts(filter, &text_value(text, array, &utc)?);
    }
    match value {
        ScalarValue::List(list) => {
            let items = list.value(0);
            (0..items.len())
                .map(|row| {
                    let item = ScalarValue::try_from_array(&items, row)?;
                    if item.is_null() { Err(message::fact_filter_null(filter.name())) } else { word(filter, &item) }
                })
                .collect()
        }
        _ => Ok(vec![word(filter, value)?]),
    }
}

/// A text, or an identifier that is written as a number.
fn word(filter: FilterName, value: &ScalarValue) -> Result<String> {
    match value.try_as_str().flatten() {
        Some(text) => Ok(text.to_owned()),
        None if value.data_type().is_integer() => Ok(value.to_string()),
        None => Err(wrong_type(filter, value)),
    }
}

fn text(filter: FilterName, value: &ScalarValue) -> Result<String> {
    Ok(value.try_as_str().flatten().ok_or_else(|| wrong_type(filter, value))?.to_owned())
}

fn wrong_type(filter: FilterName, value: &ScalarValue) -> Error {
    let found = match value.data_type() {
        DataType::List(_) => "an array".to_owned(),
        other => format!("type {}", message::type_name(&other)),
    };
    message::fact_filter_type(filter.name(), &found, &hint(filter))
}

fn hint(filter: FilterName) -> String {
    format!("Write it as in {}.", filter.example())
}

fn refused(refusal: regulars_udfs::Refusal) -> Error {
    datafusion::error::DataFusionError::from(refusal).into()
}

/// Those in both sets, where there was one before.
fn both(before: Option<Ids>, ids: BTreeSet<Id>) -> Ids {
    Arc::new(match before {
        Some(before) => before.intersection(&ids).cloned().collect(),
        None => ids,
    })
}
