//! CALL: which procedures there are, and what their arguments are.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, Value};

use super::context::Context;
use super::outcome::Outcome;
use super::query::Bound;
use super::{deliver, prepared};
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::sql::statement::Call;

/// A parameter of a procedure: its name, its type, and whether it may be left out.
type Parameter = (&'static str, PgType, bool);

const SIGNATURE: &str =
    "regulars.deliver(audience [, channel => …] [, dry_run => true] [, in_doubt => 'send' | 'accept'])";
const DELIVER: [Parameter; 4] = [
    ("audience", PgType::TEXT, false),
    ("channel", PgType::TEXT, true),
    ("dry_run", PgType::BOOL, true),
    ("in_doubt", PgType::TEXT, true),
];

/// Errors: 42883 for another procedure, or other arguments; those of the delivery.
pub async fn run(context: &mut Context<'_>, call: &Call, text: &Arc<str>, bound: Bound) -> Result<Outcome> {
    let slots = slots(call)?;
    let mut values: Vec<Option<ScalarValue>> = vec![None; DELIVER.len()];
    for (slot, (_, argument)) in slots.into_iter().zip(&call.arguments) {
        let (_, pg_type, _) = DELIVER[slot];
        let value = match parameter(argument) {
            Some(number) => bound
                .values
                .get(number - 1)
                .cloned()
                .ok_or_else(|| message::parameter_missing(&format!("${number}")))?,
            None => prepared::value(context, argument, pg_type, text).await?,
        };
        values[slot] = Some(value);
    }
    let [audience, channel, dry_run, in_doubt] = [0, 1, 2, 3].map(|at| values[at].take());
    let audience = word("audience", audience)?.ok_or_else(|| message::procedure_arguments(SIGNATURE))?;
    let asked = deliver::Asked {
        audience,
        channel: word("channel", channel)?,
        is_dry: match dry_run {
            None => false,
            Some(ScalarValue::Boolean(Some(is_dry))) => is_dry,
            Some(_) => return Err(message::argument_is_null("dry_run")),
        },
        in_doubt: match word("in_doubt", in_doubt)?.as_deref() {
            None => None,
            Some("send") => Some(deliver::Doubt::Send),
            Some("accept") => Some(deliver::Doubt::Accept),
            Some(_) => return Err(message::procedure_arguments(SIGNATURE)),
        },
    };
    deliver::run(context, asked).await
}

/// The types of the parameters. Errors: 42883.
pub fn parameters(call: &Call, given: &[Option<PgType>]) -> Result<Arc<[PgType]>> {
    let mut types: Vec<PgType> = given.iter().map(|given| given.unwrap_or(PgType::TEXT)).collect();
    for (slot, (_, argument)) in slots(call)?.into_iter().zip(&call.arguments) {
        let Some(number) = parameter(argument) else { continue };
        if types.len() < number {
            types.resize(number, PgType::TEXT);
        }
        // A value of another type would be no argument.
        types[number - 1] = DELIVER[slot].1;
    }
    Ok(types.into())
}

/// For each argument the parameter that it is.
fn slots(call: &Call) -> Result<Vec<usize>> {
    let is_deliver = call.procedure.name == "deliver" && call.procedure.schema.as_deref() == Some("regulars");
    if !is_deliver {
        let error = message::procedure_missing(&call.procedure.to_string(), SIGNATURE);
        return Err(error.with_position(call.procedure.position));
    }
    let refused = || message::procedure_arguments(SIGNATURE);
    let mut slots: Vec<usize> = Vec::new();
    for (at, (name, _)) in call.arguments.iter().enumerate() {
        let slot = match name {
            None => at,
            Some(name) => DELIVER.iter().position(|(known, ..)| known == name).ok_or_else(refused)?,
        };
        let is_behind_named = name.is_none() && call.arguments.iter().take(at).any(|(name, _)| name.is_some());
        if slot >= DELIVER.len() || slots.contains(&slot) || is_behind_named {
            return Err(refused());
        }
        slots.push(slot);
    }
    match DELIVER.iter().enumerate().find(|(slot, (_, _, is_optional))| !is_optional && !slots.contains(slot)) {
        Some(_) => Err(refused()),
        None => Ok(slots),
    }
}

/// The number of the parameter that an argument is.
fn parameter(argument: &ast::Expr) -> Option<usize> {
    let ast::Expr::Value(value) = argument else { return None };
    let Value::Placeholder(name) = &value.value else { return None };
    name.strip_prefix('$')?.parse().ok().filter(|number| *number > 0 && *number <= usize::from(u16::MAX))
}

fn word(argument: &str, value: Option<ScalarValue>) -> Result<Option<String>> {
    match value {
        None => Ok(None),
        Some(value) => match value.try_as_str().flatten() {
            Some(word) => Ok(Some(word.to_owned())),
            None => Err(message::argument_is_null(argument)),
        },
    }
}
