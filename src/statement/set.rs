//! SET, RESET, SHOW, DISCARD: a session's own variables.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::context::Context;
use super::outcome::{Outcome, OutputColumn};
use super::query;
use crate::error::{Result, SqlState, message};
use crate::session::identity::Identity;
use crate::session::setting::SETTINGS;
use crate::sql::statement::{SetScope, SetValue};

/// Errors: 42704, 22023, 55P02; 42501 for a role that the session may not become.
pub fn set(context: &mut Context<'_>, scope: SetScope, name: &str, value: &SetValue) -> Result<Outcome> {
    let local = scope == SetScope::Local;
    if local && !context.is_in_block() {
        context.warning(SqlState::NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks");
    }
    context.transaction.begin_implicit(&context.engine.catalog, context.settings, context.now);
    match name {
        "role" => set_role(context, value, local)?,
        "session_authorization" => set_session_authorization(context, value, local)?,
        _ => context.settings.set(name, value, local)?,
    }
    Ok(Outcome::Done("SET".to_owned()))
}

/// SET ROLE: one that the session's user is a member of; `none` is the session's user again.
fn set_role(context: &mut Context<'_>, value: &SetValue, local: bool) -> Result<()> {
    let snapshot = context.snapshot();
    let identity = *context.settings.identity();
    let role = match one_name("role", value)? {
        None | Some("none") => None,
        Some(name) => {
            let role = snapshot.role_named(name).ok_or_else(|| message::role_value_missing(name))?;
            if !snapshot.may_become(identity.session, role.oid) {
                return Err(message::may_not_set_role(name));
            }
            Some(role.oid)
        }
    };
    context.settings.become_identity(Identity { role, ..identity }, &snapshot, local);
    Ok(())
}

/// SET SESSION AUTHORIZATION: for who signed in as a superuser; everybody may go back to who they are.
fn set_session_authorization(context: &mut Context<'_>, value: &SetValue, local: bool) -> Result<()> {
    let snapshot = context.snapshot();
    let identity = *context.settings.identity();
    let session = match one_name("session_authorization", value)? {
        None => identity.authenticated,
        Some(name) => {
            let role = snapshot.role_named(name).ok_or_else(|| message::role_value_missing(name))?;
            if role.oid != identity.authenticated && !snapshot.is_superuser(identity.authenticated) {
                return Err(message::may_not_set_session_authorization());
            }
            role.oid
        }
    };
    context.settings.become_identity(Identity { session, role: None, ..identity }, &snapshot, local);
    Ok(())
}

fn one_name<'a>(setting: &str, value: &'a SetValue) -> Result<Option<&'a str>> {
    match value {
        SetValue::Default => Ok(None),
        SetValue::Values(values) => match values.as_slice() {
            [name] => Ok(Some(name)),
            _ => Err(message::setting_value_refused(setting, &values.join(", "))),
        },
    }
}

pub fn reset(context: &mut Context<'_>, name: Option<&str>) -> Result<Outcome> {
    context.transaction.begin_implicit(&context.engine.catalog, context.settings, context.now);
    match name {
        Some("role") => set_role(context, &SetValue::Default, false)?,
        Some("session_authorization") => set_session_authorization(context, &SetValue::Default, false)?,
        name => context.settings.reset(name)?,
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
    set_session_authorization(context, &SetValue::Default, false)?;
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
