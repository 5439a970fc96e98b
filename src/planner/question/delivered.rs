//! `delivery_members` and `lift`: who got an audience, and what they bought since beside those who were held out.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use chrono::{DateTime, Days, NaiveDate, Utc};
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::scalar::ScalarValue;

use super::changes::whole;
use super::interval::{Interval, Sample, of_means, of_shares};
use crate::catalog::delivery::{DeliveryState, RecordedDelivery};
use crate::error::{Notice, NoticeSeverity, Result, SqlState, message};
use crate::ident;
use crate::planner::Planner;
use crate::planner::names::{Found, check_readable, find_relation};
use crate::planner::recipients::{HELD_OUT_BATCH, Recipients};
use crate::sql;

/// Days that a lift looks at, at most; it is told of what followed a delivery, not of a life.
const DAYS_MAX: i64 = 3_660;
const DAYS: i64 = 14;

/// A delivery as a question names it: of an audience, perhaps with the run and the channel.
pub struct Delivered {
    recorded: RecordedDelivery,
}

impl Delivered {
    /// The newest delivery of which something was accepted, or that of this run, to this channel.
    ///
    /// Errors: 42704 when there is none, or when a run went to several channels and none is named.
    pub fn of(planner: &Planner, audience: &str, run: &ScalarValue, channel: &ScalarValue) -> Result<Self> {
        let run = whole(run)?;
        let channel = channel.try_as_str().flatten();
        let oid = oid_of(planner, audience)?;
        let is_wanted = |recorded: &&RecordedDelivery| {
            let delivery = &recorded.delivery;
            let is_named = match oid {
                Some(oid) => delivery.audience == oid,
                // The record stays when the list is gone.
                None => ident::split(audience).is_ok_and(|parts| parts.last() == Some(&delivery.name)),
            };
            is_named
                && delivery.recipients.is_some()
                && recorded.batches.iter().any(|batch| batch.state == DeliveryState::Delivered)
                && run.is_none_or(|run| i64::from(delivery.run) == run)
                && channel.is_none_or(|channel| delivery.channel == channel)
        };
        let deliveries = planner.system.lore.deliveries()?;
        let found: Vec<&RecordedDelivery> = deliveries.iter().filter(is_wanted).collect();
        let newest = found.last().ok_or_else(|| message::delivery_missing(audience))?;
        let channels: Vec<&str> = found
            .iter()
            .filter(|known| {
                known.delivery.run == newest.delivery.run && known.delivery.audience == newest.delivery.audience
            })
            .map(|known| known.delivery.channel.as_str())
            .collect();
        if channels.len() > 1 {
            return Err(message::delivery_ambiguous(audience, newest.delivery.run, &channels));
        }
        Ok(Self { recorded: (*newest).clone() })
    }

    /// When it was sent: its first batch.
    fn sent_at(&self) -> DateTime<Utc> {
        let sent = self.recorded.batches.iter().map(|batch| batch.sent_at).min();
        sent.unwrap_or(self.recorded.delivery.started_at)
    }

    /// Those of batches that were accepted, and those who were held out, as `columns` wants them: `member_id`, batch (NULL
    /// when held out), is_held_out, sent_at.
    pub fn members(&self, planner: &Planner, columns: &SchemaRef) -> Result<LogicalPlan> {
        let name = self.recorded.delivery.recipients.as_deref().unwrap_or_default();
        let everybody = Recipients::open(planner.system.lore.recipients(name))?.everybody()?;
        let sent =
            |at: DateTime<Utc>| lit(ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into())));
        let mut batches = vec![vec![lit(HELD_OUT_BATCH), sent(self.sent_at())]];
        for batch in self.recorded.batches.iter().filter(|batch| batch.state == DeliveryState::Delivered) {
            batches.push(vec![lit(i32::try_from(batch.number).unwrap_or(i32::MAX)), sent(batch.sent_at)]);
        }
        let column = |relation: &str, name: &str| Expr::Column(Column::new(Some(relation), name));
        let batches = LogicalPlanBuilder::values(batches)?.alias("sent")?.build()?;
        let on = (vec![Column::new(Some("members"), "batch")], vec![Column::new(Some("sent"), "column1")]);
        let is_held_out = column("members", "batch").eq(lit(HELD_OUT_BATCH));
        let batch = datafusion::logical_expr::when(is_held_out.clone(), lit(ScalarValue::Int32(None)))
            .otherwise(column("members", "batch"))?;
        let types: Vec<DataType> = columns.fields().iter().map(|field| field.data_type().clone()).collect();
        let given = [column("members", "member_id"), batch, is_held_out, column("sent", "column2")];
        let given = given.into_iter().zip(types).zip(columns.fields());
        Ok(LogicalPlanBuilder::from(everybody)
            .alias("members")?
            .join(batches, JoinType::Inner, on, None)?
            .project(
                given.map(|((expr, data_type), field)| cast(expr, data_type).alias(field.name())).collect::<Vec<_>>(),
            )?
            .build()?)
    }
}

/// `None` for a list that is gone.
fn oid_of(planner: &Planner, audience: &str) -> Result<Option<crate::pg_type::Oid>> {
    let (schema, name) = match ident::split(audience)?.as_slice() {
        [name] => (None, name.clone()),
        [schema, name] => (Some(schema.clone()), name.clone()),
        _ => return Err(message::not_an_audience(audience)),
    };
    match find_relation(&planner.snapshot, &planner.search_path, schema.as_deref(), &name) {
        Ok(Found::Relation(relation)) if relation.is_audience() => {
            check_readable(&planner.snapshot, planner.system.current_user, &relation)?;
            Ok(Some(relation.oid))
        }
        Ok(_) => Err(message::not_an_audience(audience)),
        Err(error) if error.state() == SqlState::UndefinedTable => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a group bought in the window.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    members: u64,
    buyers: u64,
    purchases: (f64, Option<f64>),
    amount: (f64, Option<f64>),
}

/// Tells the client when the days of a lift are not over yet: before it is computed, as what is told later gets lost.
///
/// Errors: those of the lift itself.
pub fn announce(planner: &Planner, audience: &str, [run, days, channel]: [&ScalarValue; 3]) -> Result<()> {
    let (from, to) = window(planner, &Delivered::of(planner, audience, run, channel)?, days)?;
    if to >= planner.day {
        planner.told.tell(Notice {
            severity: NoticeSeverity::Notice,
            state: SqlState::SuccessfulCompletion,
            message: message::lift_unfinished(from, to, planner.day),
            detail: None,
            hint: None,
        });
    }
    Ok(())
}

/// The first and the last business date that a lift looks at.
fn window(planner: &Planner, delivered: &Delivered, days: &ScalarValue) -> Result<(NaiveDate, NaiveDate)> {
    let days = whole(days)?.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(message::lift_days_refused(days, DAYS_MAX));
    }
    let history = &planner.history;
    let from = history.business_date_in(history.head_office_zone(), delivered.sent_at());
    let to = from.checked_add_days(Days::new(days.unsigned_abs() - 1)).unwrap_or(NaiveDate::MAX);
    Ok((from, to))
}

/// A row for each measure: how many there are in each group, its mean, the difference, and the interval of 95 % that it
/// lies in.
pub async fn lift(
    planner: &Planner,
    audience: &str,
    [run, days, channel, currency]: [&ScalarValue; 4],
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let delivered = Delivered::of(planner, audience, run, channel)?;
    let (from, to) = window(planner, &delivered, days)?;
    let [recipients, held_out] = groups(planner, &delivered, audience, (from, to), currency).await?;
    if held_out.members == 0 {
        return Err(message::no_holdout(audience));
    }
    let share = |group: Group| if group.members == 0 { 0.0 } else { group.buyers as f64 / group.members as f64 };
    let sample = |group: Group, (mean, variance): (f64, Option<f64>)| Sample { size: group.members, mean, variance };
    let (buyers, purchases, amounts) = (
        of_shares((recipients.buyers, recipients.members), (held_out.buyers, held_out.members)),
        of_means(sample(recipients, recipients.purchases), sample(held_out, held_out.purchases)),
        of_means(sample(recipients, recipients.amount), sample(held_out, held_out.amount)),
    );
    let rows = [
        Measure { name: "buyers", means: [share(recipients), share(held_out)], interval: buyers },
        Measure { name: "purchases", means: [recipients.purchases.0, held_out.purchases.0], interval: purchases },
        Measure { name: "amount", means: [recipients.amount.0, held_out.amount.0], interval: amounts },
    ];
    let count = |members: u64| -> ArrayRef {
        Arc::new(Int64Array::from(vec![i64::try_from(members).unwrap_or(i64::MAX); rows.len()]))
    };
    let number =
        |of: &dyn Fn(&Measure) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Float64Array>()) };
    let names: StringViewArray = rows.iter().map(|row| Some(row.name)).collect();
    super::batch(
        schema,
        vec![
            Arc::new(names),
            count(recipients.members),
            count(held_out.members),
            number(&|row| Some(row.means[0])),
            number(&|row| Some(row.means[1])),
            number(&|row| Some(row.means[0] - row.means[1])),
            number(&|row| row.interval.map(|interval| interval.low)),
            number(&|row| row.interval.map(|interval| interval.high)),
        ],
    )
}

/// A row of the answer.
struct Measure {
    name: &'static str,
    /// Of the recipients, and of those held out.
    means: [f64; 2],
    interval: Option<Interval>,
}

/// The recipients and those who were held out. What a purchase is, and what was spent, the member facts say.
async fn groups(
    planner: &Planner,
    delivered: &Delivered,
    audience: &str,
    (from, to): (NaiveDate, NaiveDate),
    currency: &ScalarValue,
) -> Result<[Group; 2]> {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let delivery = &delivered.recorded.delivery;
    let currency = match currency.try_as_str().flatten() {
        Some(currency) => format!(", currency => {}", literal(currency)),
        None => String::new(),
    };
    let filters = format!("from_date => DATE '{from}', to_date => DATE '{to}'{currency}");
    let text = format!(
        "SELECT is_held_out, count(*) AS members, count(*) FILTER (WHERE purchases > 0) AS buyers,
                avg(purchases) AS purchases, var_samp(purchases) AS purchases_variance,
                avg(amount) AS amount, var_samp(amount) AS amount_variance
         FROM (SELECT is_held_out,
                      CAST(purchase_count(member_id, {filters}) AS double precision) AS purchases,
                      CAST(amount_spent(member_id, {filters}) AS double precision) AS amount
               FROM regulars.delivery_members({}, run => {}, channel => {})) AS bought
         GROUP BY is_held_out",
        literal(audience),
        delivery.run,
        literal(&delivery.channel),
    );
    let query = sql::parse_query(&text)?;
    let house = Planner { is_clients_text: false, ..planner.clone() };
    let plan = house.plan(&query, &text, &[]).map_err(|error| error.without_position())?;
    let mut groups = [Group::default(); 2];
    for batch in Box::pin(planner.collect(plan)).await? {
        let number = |at: usize, row: usize| {
            let column = batch.column(at).as_primitive::<Float64Type>();
            arrow::array::Array::is_valid(column, row).then(|| column.value(row))
        };
        let count = |at: usize, row: usize| batch.column(at).as_primitive::<Int64Type>().value(row).unsigned_abs();
        for row in 0..batch.num_rows() {
            groups[usize::from(batch.column(0).as_boolean().value(row))] = Group {
                members: count(1, row),
                buyers: count(2, row),
                purchases: (number(3, row).unwrap_or_default(), number(4, row)),
                amount: (number(5, row).unwrap_or_default(), number(6, row)),
            };
        }
    }
    Ok(groups)
}
