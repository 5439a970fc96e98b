//! `CALL regulars.deliver(…)`: what an audience comes to on a channel, and handing it over.
//!
//! The recipients are frozen and the delivery is on record before anything is sent. From there on [`courier`] has it: it
//! goes on when the client goes away, and after a crash at the next start.

pub mod courier;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use ring::hmac;

use super::context::{Context, house_planner};
use super::outcome::{Outcome, OutputColumn};
use super::query;
use crate::catalog::delivery::{Counts, Delivery, DeliveryState, RecordedDelivery};
use crate::catalog::object::{Relation, Run};
use crate::delivery::channel::Channel;
use crate::delivery::identifier::hexadecimal;
use crate::delivery::recipients::{Selected, select};
use crate::error::{Result, message};
use crate::ident;
use crate::pg_type::Oid;
use crate::planner::{Found, check_readable, find_relation};
use crate::storage::member_file::MemberFile;

const COMMAND: &str = "CALL regulars.deliver";
/// Members that a dry run shows.
const SHOWN_MEMBERS: usize = 10;

/// What a call asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub audience: String,
    /// The audience's own when it is not given.
    pub channel: Option<String>,
    /// Count and show, but send nothing.
    pub is_dry: bool,
    pub in_doubt: Option<Doubt>,
}

/// What to do about batches of which nobody knows whether the receiver has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Send them, perhaps once more.
    Send,
    /// Take them for accepted.
    Accept,
}

/// One row: what became of it. The same run is delivered to a channel once; called again, nothing is sent that was
/// accepted, and what was not goes on.
///
/// Errors: 25001 in a transaction block, 25006 and 42501 where nothing may be changed; 42P01, 42809 for the audience, 55000
/// for one that was never refreshed or has too few members; 42704 for the channel; those of the selection; 58030 for a
/// delivery that fails, 55000 for one that is in doubt.
pub async fn run(context: &mut Context<'_>, asked: Asked) -> Result<Outcome> {
    if !asked.is_dry && context.is_in_block() {
        return Err(message::not_in_transaction_block(COMMAND));
    }
    // Who may change nothing delivers nothing either.
    context.draft("CALL")?;
    let audience = audience(context, &asked.audience)?;
    let list = audience.materialized().ok_or_else(|| message::not_an_audience(&asked.audience))?;
    let run = Arc::clone(list.shown().ok_or_else(|| message::not_populated(&audience.name))?);
    let name = asked.channel.as_ref().or(list.options.channel.as_ref());
    let name = name.ok_or_else(|| message::channel_not_given(&asked.audience))?;
    let engine = Arc::clone(context.engine);
    let channel = engine.desk.channel(name)?;
    let minimum = list.options.minimum.unwrap_or(0).max(channel.minimum);
    let id = delivery_id(engine.catalog.secret(), audience.oid, run.number, &channel.name);
    if asked.is_dry {
        let selected = selected(context, &channel, &audience, &run, false).await?;
        if let Err(error) = enough(&selected.counts, &audience, &channel, minimum) {
            context.notice(format!("{}: {}", error.message(), error.detail().unwrap_or_default()));
        }
        let first = selected.first.map(|first| channel.shown(&first));
        return row(&id, "dry run", &selected.counts, [0, 0], selected.batches, first);
    }
    let held = loop {
        match engine.desk.hold(&id) {
            Some(held) => break held,
            // Somebody else is at it: what becomes of it is the answer.
            None => engine.desk.let_go(&id).await,
        }
    };
    let known = courier::recorded(&engine, &id).await?;
    // From here on it is no part of this statement: cancelled, it goes on.
    let sending = match known {
        Some(known) if known.delivery.state == DeliveryState::Delivered => {
            context.notice(message::already_delivered(&id));
            return done(known);
        }
        Some(known) if known.delivery.state != DeliveryState::Refused => {
            if known.delivery.state == DeliveryState::InDoubt && asked.in_doubt.is_none() {
                return done(known);
            }
            context.notice(message::delivery_goes_on(&id));
            tokio::spawn(courier::go_on(engine, held, known, asked.in_doubt, channel))
        }
        _ => {
            let (recorded, recipients) = frozen(context, &id, &channel, &audience, &run, minimum).await?;
            tokio::spawn(courier::begin(engine, held, recorded, recipients, channel))
        }
    };
    match sending.await {
        Ok(recorded) => done(recorded?),
        Err(error) => Err(message::internal("a delivery ended because of a bug").with_cause(error)),
    }
}

/// The columns of the row.
pub fn columns() -> Arc<[OutputColumn]> {
    query::columns(&schema())
}

fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    Schema::new(vec![
        text("delivery_id"),
        text("state"),
        count("matched"),
        count("consented"),
        count("deliverable"),
        count("sent"),
        count("accepted"),
        text("dropped"),
        Field::new("batches", DataType::Int32, true),
        text("first_batch"),
    ])
}

fn audience(context: &Context<'_>, given: &str) -> Result<Arc<Relation>> {
    let not_one = || message::not_an_audience(given.trim());
    let (schema, name) = match ident::split(given)?.as_slice() {
        [name] => (None, name.clone()),
        [schema, name] => (Some(schema.clone()), name.clone()),
        _ => return Err(not_one()),
    };
    match find_relation(&context.snapshot(), &context.search_path(), schema.as_deref(), &name)? {
        Found::Relation(relation) if relation.is_audience() => {
            // A dry run shows members, and a delivery hands them over.
            check_readable(&context.snapshot(), context.settings.identity().current(), &relation)?;
            Ok(relation)
        }
        _ => Err(not_one()),
    }
}

/// The same for ever for an audience, a run and a channel of this home, and of no other.
fn delivery_id(secret: &[u8], audience: Oid, run: u32, channel: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("delivery\0{audience}\0{run}\0{channel}").as_bytes());
    hexadecimal(&tag.as_ref()[..16])
}

async fn selected(
    context: &mut Context<'_>,
    channel: &Arc<Channel>,
    audience: &Arc<Relation>,
    run: &Arc<Run>,
    keeps: bool,
) -> Result<Selected> {
    let engine = Arc::clone(context.engine);
    // Of today, whatever day the session asks about.
    let planner = house_planner(&engine, context.settings.identity().current());
    let told = planner.told.clone();
    let (channel, audience, run) = (Arc::clone(channel), Arc::clone(audience), Arc::clone(run));
    let queries = Arc::clone(&engine);
    let work = async move { select(&planner, &engine.desk, &channel, &audience, &run, keeps, SHOWN_MEMBERS).await };
    let selected = queries.queries.run(work).await?;
    context.notices.extend(told.take());
    Ok(selected)
}

fn enough(counts: &Counts, audience: &Relation, channel: &Channel, minimum: u32) -> Result<()> {
    if counts.deliverable >= u64::from(minimum) {
        return Ok(());
    }
    Err(message::below_minimum(&audience.name, &channel.name, counts.deliverable, minimum))
}

/// Freezes the recipients. A delivery of too few is put on record as refused.
async fn frozen(
    context: &mut Context<'_>,
    id: &str,
    channel: &Arc<Channel>,
    audience: &Arc<Relation>,
    run: &Arc<Run>,
    minimum: u32,
) -> Result<(RecordedDelivery, Arc<MemberFile>)> {
    let selected = selected(context, channel, audience, run, true).await?;
    let refusal = enough(&selected.counts, audience, channel, minimum).err();
    let schema = context.snapshot().schema(audience.schema).map(|schema| schema.name.clone());
    let now = context.engine.clock.now();
    let delivery = Delivery {
        id: id.to_owned(),
        audience: audience.oid,
        schema: schema.unwrap_or_default(),
        name: audience.name.clone(),
        run: run.number,
        channel: channel.name.clone(),
        state: if refusal.is_some() { DeliveryState::Refused } else { DeliveryState::Sending },
        error: refusal.as_ref().and_then(|error| error.detail().map(str::to_owned)),
        counts: selected.counts,
        batches: if refusal.is_some() { 0 } else { selected.batches },
        recipients: selected.file.as_ref().filter(|_| refusal.is_none()).map(|file| file.name().to_owned()),
        reference: None,
        manifest: None,
        started_at: now,
        finished_at: refusal.is_some().then_some(now),
        by: context.user_name(),
    };
    let recorded = RecordedDelivery { delivery, batches: Vec::new() };
    if let Some(refusal) = refusal {
        courier::record(context.engine, &recorded, None).await?;
        return Err(refusal);
    }
    let recipients = selected.file.ok_or_else(|| message::internal("the recipients of a delivery are not kept"))?;
    Ok((recorded, recipients))
}

/// The row of a delivery that ended well, or its error.
fn done(recorded: RecordedDelivery) -> Result<Outcome> {
    let delivery = &recorded.delivery;
    if delivery.state != DeliveryState::Delivered {
        return Err(message::delivery_failed(&delivery.id, delivery.state, delivery.error.as_deref()));
    }
    let sums = [recorded.sent(), recorded.accepted()];
    row(&delivery.id, delivery.state.name(), &delivery.counts, sums, delivery.batches, None)
}

fn row(
    id: &str,
    state: &str,
    counts: &Counts,
    [sent, accepted]: [u64; 2],
    batches: u32,
    first: Option<String>,
) -> Result<Outcome> {
    let text = |value: Option<String>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let count = |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(value).unwrap_or(i64::MAX)])) };
    let batch = RecordBatch::try_new(
        Arc::new(schema()),
        vec![
            text(Some(id.to_owned())),
            text(Some(state.to_owned())),
            count(counts.matched),
            count(counts.consented()),
            count(counts.deliverable),
            count(sent),
            count(accepted),
            text(dropped(counts)),
            Arc::new(Int32Array::from(vec![i32::try_from(batches).unwrap_or(i32::MAX)])),
            text(first),
        ],
    )?;
    Ok(query::rows_at_hand(batch, "CALL"))
}

/// The reasons with their numbers, those that nobody was dropped for left out.
fn dropped(counts: &Counts) -> Option<String> {
    let reasons = [
        ("no longer a member", counts.gone),
        ("suppressed", counts.suppressed),
        ("consent withdrawn", counts.withdrawn),
        ("no consent", counts.no_consent),
        ("no identifier", counts.no_identifier),
        ("invalid identifier", counts.invalid_identifier),
        ("no text", counts.no_text),
        ("shared identifier", counts.shared_identifier),
        ("held out", counts.held_out),
    ];
    let told: Vec<String> = reasons
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{reason}: {count}"))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}
