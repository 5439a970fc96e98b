//! `segments_of`: every segment and audience that a member is in, what the till asks when a member is scanned.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::{Field, SchemaRef};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;

use super::segment::{Segment, is_broken};
use crate::catalog::object::Relation;
use crate::error::{Notice, NoticeSeverity, Result, message};
use crate::execution::plan_cache::{Found, PlanPlace};
use crate::pg_type::PgType;
use crate::planner::fact::lower::column;
use crate::planner::{Planner, fact, reusable};

/// A row for each that has the member: schema, name, kind (`segment` or `audience`), in order of schema and name.
///
/// A segment that cannot be read today (a column that it needs is gone) is left out and logged.
pub async fn answer(planner: &Planner, member: &ScalarValue, schema: SchemaRef) -> Result<RecordBatch> {
    let mut found: Vec<(String, String, &'static str)> = Vec::new();
    // A list that was never refreshed holds nobody.
    // Neither is one asked that the role may not read.
    let is_asked = |relation: &&Arc<Relation>| {
        (relation.is_segment() || (relation.is_audience() && holds_rows(relation)))
            && planner.snapshot.may_read(planner.system.current_user, relation)
    };
    for relation in planner.snapshot.relations().filter(is_asked) {
        match has_member(planner, relation, member).await {
            Ok(true) => {
                let schema = planner.snapshot.schema(relation.schema).map_or("", |schema| schema.name.as_str());
                let kind = if relation.is_audience() { "audience" } else { "segment" };
                found.push((schema.to_owned(), relation.name.clone(), kind));
            }
            Ok(false) => {}
            Err(error) if is_broken(&error) => {
                let cause = error.message().to_owned();
                planner.told.tell(Notice {
                    severity: NoticeSeverity::Warning,
                    state: error.state(),
                    message: message::segment_left_out(&relation.name, &cause),
                    detail: None,
                    hint: None,
                });
                tracing::warn!("segment \"{}\" is left out of segments_of: {cause}", relation.name);
            }
            Err(error) => return Err(error),
        }
    }
    found.sort();
    let schemas: StringViewArray = found.iter().map(|(schema, ..)| Some(schema)).collect();
    let names: StringViewArray = found.iter().map(|(_, name, _)| Some(name)).collect();
    let kinds: StringViewArray = found.iter().map(|(.., kind)| Some(kind)).collect();
    super::batch(schema, vec![Arc::new(schemas), Arc::new(names), Arc::new(kinds)])
}

fn holds_rows(relation: &Relation) -> bool {
    relation.materialized().is_some_and(|list| list.is_populated)
}

/// Whether a relation has the member, by a plan that an earlier question has left if there is one.
async fn has_member(planner: &Planner, relation: &Arc<Relation>, member: &ScalarValue) -> Result<bool> {
    let data_type = &fact::Types::of(&planner.history).member;
    let member = planner.member_literal(member, data_type)?;
    let types: Arc<[PgType]> = [PgType::of_arrow(data_type)].into();
    let values = vec![member.clone()];
    // No statement has this text.
    let text: Arc<str> = format!("regulars.segments_of: {}", relation.oid).into();
    let place = planner.kept.as_ref().and_then(|kept| kept.place(&text, &types));
    let found = place.as_ref().map(PlanPlace::borrow);
    if let Some(Found::Plan(borrowed)) = found {
        return Ok(has_rows(&borrowed.collect(values).await?));
    }
    let segment = Segment::of_relation(planner, relation, &relation.name)?;
    let members = segment.members(planner)?;
    if let (Some(place), Some(Found::Nothing)) = (place, found) {
        let field = Arc::new(Field::new("member_id", data_type.clone(), true));
        let any = Expr::Placeholder(Placeholder { id: "$1".to_owned(), field: Some(field) });
        let query = asked(members.clone(), any)?;
        if let Some(borrowed) = reusable::lent(planner, place, query, &types, &values).await {
            return Ok(has_rows(&borrowed.collect(values).await?));
        }
    }
    let member = member.cast_to(members.schema().field(0).data_type())?;
    Ok(has_rows(&planner.collect(asked(members, lit(member))?).await?))
}

fn asked(members: LogicalPlan, member: Expr) -> Result<LogicalPlan> {
    Ok(LogicalPlanBuilder::from(members).filter(column("member_id").eq(member))?.limit(0, Some(1))?.build()?)
}

fn has_rows(batches: &[RecordBatch]) -> bool {
    batches.iter().any(|batch| batch.num_rows() > 0)
}
