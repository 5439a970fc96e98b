//! SET, RESET, SHOW, DISCARD: a session's own variables.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::context::Context;
use super::outcome::{Outcome, OutputColumn};
use super::query;
use crate::error::{Result, SqlState, message};
use crate::session::settings::SETTINGS;
use crate::sql::statement::{SetScope, SetValue};

/// Errors: 42704, 22023, 55P02; 0A000 for a role until roles exist.
pub fn set(context: &mut Context<'_>, scope: SetScope, name: &str, value: &SetValue) -> Result<Outcome> {
    if matches!(name, "role" | "session_authorization") {
        return set_role(context, name, value);
    }
    let local = scope == SetScope::Local;
    if local && !context.is_in_block() {
        context.warning(SqlState::NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks");
    }
    context.transaction.begin_implicit(&context.engine.catalog, context.settings, context.now);
    context.settings.set(name, value, local)?;
    Ok(Outcome::Done("SET".to_owned()))
}

/// There is one role as yet: the session's own. Another is refused rather than accepted without effect.
fn set_role(context: &Context<'_>, name: &str, value: &SetValue) -> Result<Outcome> {
    let own = match value {
        SetValue::Default => true,
        SetValue::Values(values) => {
            matches!(values.as_slice(), [role] if role == context.user || role == "none" || role == "default")
        }
    };
    if own { Ok(Outcome::Done("SET".to_owned())) } else { Err(message::no_other_role(name, value)) }
}

pub fn reset(context: &mut Context<'_>, name: Option<&str>) -> Result<Outcome> {
    if !matches!(name, Some("role" | "session_authorization")) {
        context.transaction.begin_implicit(&context.engine.catalog, context.settings, context.now);
        context.settings.reset(name)?;
    }
    Ok(Outcome::Done("RESET".to_owned()))
}

/// One row of one column named like the variable; for ALL a row of name, setting and description each.
pub fn show(context: &Context<'_>, name: Option<&str>) -> Result<Outcome> {
    let (schema, columns) = match name {
        Some(name) => {
            let (shown, value) = context.settings.show(name)?;
            (one_column(&shown), vec![StringArray::from(vec![value])])
        }
        None => {
            let shown = SETTINGS
                .iter()
                .map(|setting| context.settings.show(setting.name).map(|(_, value)| value))
                .collect::<Result<Vec<_>>>()?;
            let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
            let help: Vec<&str> = SETTINGS.iter().map(|setting| setting.help).collect();
            (three_columns(), vec![StringArray::from(names), StringArray::from(shown), StringArray::from(help)])
        }
    };
    let columns = columns.into_iter().map(|column| Arc::new(column) as _).collect();
    let batch = RecordBatch::try_new(schema, columns)
        .map_err(|error| message::internal("the settings cannot be shown").with_cause(error))?;
    Ok(query::rows_at_hand(batch, "SHOW"))
}

pub fn show_columns(context: &Context<'_>, name: Option<&str>) -> Result<Arc<[OutputColumn]>> {
    let schema = match name {
        Some(name) => one_column(&context.settings.show(name)?.0),
        None => three_columns(),
    };
    Ok(query::columns(&schema))
}

/// Errors: 25001 inside a transaction block.
pub fn discard_all(context: &mut Context<'_>) -> Result<Outcome> {
    if context.is_in_block() {
        return Err(message::not_in_transaction_block("DISCARD ALL"));
    }
    context.settings.reset(None)?;
    context.cursors.close_all();
    context.prepared.clear();
    Ok(Outcome::Done("DISCARD ALL".to_owned()))
}

fn one_column(name: &str) -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]))
}

fn three_columns() -> Arc<Schema> {
    Arc::new(Schema::new(
        ["name", "setting", "description"].map(|name| Field::new(name, DataType::Utf8, false)).to_vec(),
    ))
}
