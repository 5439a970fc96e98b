//! VALUES: what has no type of its own is read as what stands in its column in other rows.

use datafusion::sql::sqlparser::ast::{Expr, Value, Values};

use super::spelling::{call, take};
use crate::planner::function::Target;

/// Types that a literal beside them takes. Numbers are numeric beside a float until then.
const GIVE_THEIR_TYPE: &[Target] = &[
    Target::Date,
    Target::Time,
    Target::Timestamp,
    Target::Timestamptz,
    Target::Interval,
    Target::Float8,
    Target::Float4,
    Target::Bool,
    Target::Uuid,
    Target::Int2,
    Target::Int4,
    Target::Int8,
    Target::Numeric(None),
];

/// Casts the literals of columns of which another row says the type. Casts are calls by now.
pub(super) fn settle(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    for at in 0..width {
        let casts = values.rows.iter().filter_map(|row| cast_of(row.content.get(at)?));
        let mut targets: Vec<Target> = Vec::new();
        for target in casts {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        // Where several types meet the engine says what they have together.
        let [target] = targets.as_slice() else { continue };
        for row in &mut values.rows {
            if let Some(expr) = row.content.get_mut(at)
                && takes(expr, *target)
            {
                let literal = take(expr);
                *expr = call(&target.function(), vec![literal]);
            }
        }
    }
}

fn cast_of(expr: &Expr) -> Option<Target> {
    match expr {
        Expr::Function(function) => {
            let [name] = function.name.0.as_slice() else { return None };
            let name = &name.as_ident()?.value;
            GIVE_THEIR_TYPE.iter().copied().find(|target| target.function() == *name)
        }
        Expr::Nested(inner) => cast_of(inner),
        // Written before this, by the engine's own name.
        Expr::Interval(_) => Some(Target::Interval),
        _ => None,
    }
}

fn takes(expr: &Expr, target: Target) -> bool {
    let is_float = matches!(target, Target::Float4 | Target::Float8);
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_) => true,
            Value::Number(..) => is_float,
            _ => false,
        },
        // What `type_number` has written.
        Expr::Cast { expr, .. } => is_float && takes(expr, target),
        Expr::UnaryOp { expr, .. } => is_float && takes(expr, target),
        _ => false,
    }
}
