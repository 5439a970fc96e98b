//! What the text itself says of the types of `$1`, `$2`, …: a cast names the type, LIMIT and OFFSET count rows, and so
//! does an argument that is written by its name.
//!
//! The engine infers a parameter's type from what it is compared with; these it does not look at.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, FunctionArg, FunctionArgExpr, LimitClause, Query, TimezoneInfo, Value, Visit,
    Visitor, visit_expressions,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::argument::{arguments, function_name, named};
use super::compat::catalog_name;
use crate::pg_type::{PgType, TYPES};

/// The type of an argument that is written by its name: of which function, and which name.
pub type OfArgument = fn(&str, &str) -> Option<PgType>;

/// The type of an argument by its place: of which function, which place from 0, of how many.
pub type OfPlace = fn(&str, usize, usize) -> Option<PgType>;

/// Parameter number (from 1) → its type, for the parameters of which the text says one. The first mention decides.
pub fn types(query: &Query, of_argument: OfArgument, of_place: OfPlace) -> BTreeMap<usize, PgType> {
    let mut finder = Finder { found: BTreeMap::new(), of_argument, of_place };
    let _: ControlFlow<()> = Visit::visit(query, &mut finder);
    finder.found
}

/// Where the text first names the parameter `$n`.
pub fn place(query: &Query, name: &str) -> Option<Location> {
    let found = visit_expressions(query, |expr| match expr {
        Expr::Value(value) if matches!(&value.value, Value::Placeholder(found) if found == name) => {
            ControlFlow::Break(value.span.start)
        }
        _ => ControlFlow::Continue(()),
    });
    found.break_value()
}

struct Finder {
    found: BTreeMap<usize, PgType>,
    of_argument: OfArgument,
    of_place: OfPlace,
}

impl Finder {
    fn note(&mut self, expr: &Expr, pg_type: PgType) {
        if let Some(number) = number(expr) {
            self.found.entry(number).or_insert(pg_type);
        }
    }
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter().for_each(|limit| self.note(limit, PgType::INT8));
                offset.iter().for_each(|offset| self.note(&offset.value, PgType::INT8));
            }
            Some(LimitClause::OffsetCommaLimit { .. }) | None => {}
        }
        if let Some(quantity) = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()) {
            self.note(quantity, PgType::INT8);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr, data_type, .. } = expr
            && let Some(pg_type) = of_sql(data_type)
        {
            self.note(expr, pg_type);
        }
        if let Expr::Function(function) = expr
            && let Some(name) = function_name(function)
        {
            for (argument, value) in arguments(function).iter().filter_map(named) {
                if let Some(pg_type) = (self.of_argument)(&name, &argument) {
                    self.note(value, pg_type);
                }
            }
        }
        if let Expr::Function(function) = expr
            && let Some(name) = catalog_name(&function.name)
        {
            let arguments = arguments(function);
            for (place, argument) in arguments.iter().enumerate() {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument
                    && let Some(pg_type) = (self.of_place)(&name, place, arguments.len())
                {
                    self.note(value, pg_type);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The number of `$n`, also in parentheses.
pub fn number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => number(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok().filter(|number| *number > 0),
            _ => None,
        },
        _ => None,
    }
}

/// The type that a cast names; `None` for one that parameters cannot have.
pub fn of_sql(data_type: &DataType) -> Option<PgType> {
    Some(match data_type {
        DataType::BigInt(_) | DataType::Int8(_) => PgType::INT8,
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => PgType::INT4,
        DataType::SmallInt(_) | DataType::Int2(_) => PgType::INT2,
        DataType::Text | DataType::Char(_) | DataType::Character(_) => PgType::TEXT,
        DataType::Varchar(_) | DataType::CharacterVarying(_) => PgType::VARCHAR,
        DataType::Boolean | DataType::Bool => PgType::BOOL,
        DataType::Real | DataType::Float4 => PgType::FLOAT4,
        DataType::DoublePrecision | DataType::Double(_) | DataType::Float8 | DataType::Float(_) => PgType::FLOAT8,
        // A modifier rounds the value after it has come in; the parameter itself may have any number of digits.
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => PgType::NUMERIC,
        DataType::Date => PgType::DATE,
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => PgType::TIME,
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => PgType::TIMESTAMP,
        DataType::Timestamp(..) | DataType::TimestampNtz(_) => PgType::TIMESTAMPTZ,
        DataType::Interval { .. } => PgType::INTERVAL,
        DataType::Bytea => PgType::BYTEA,
        DataType::Uuid => PgType::UUID,
        DataType::JSON => PgType::JSON,
        DataType::JSONB => PgType::JSONB,
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => {
            let element = of_sql(element)?.info()?;
            PgType { oid: element.array_oid, typmod: -1 }
        }
        DataType::Custom(name, _) => {
            let name = name.0.last()?.as_ident()?.value.to_lowercase();
            if matches!(name.as_str(), "regclass" | "regtype" | "regproc") {
                // It comes as a name as well as a number; which one is for the function to see that the cast becomes.
                return Some(PgType::TEXT);
            }
            let known = TYPES.iter().find(|known| known.name == name)?;
            PgType { oid: known.oid, typmod: -1 }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_query;

    #[test]
    fn casts_and_limits_tell() {
        let query = parse_query(
            "SELECT $1::bigint, CAST($2 AS timestamptz), ($3)::text[] FROM t WHERE a = $4 AND f(b, c => $7) \
             AND pg_catalog.g(1, $8) AND g($9) LIMIT $5 OFFSET $6",
        )
        .unwrap();
        let found = types(
            &query,
            |function, argument| (function == "f" && argument == "c").then_some(PgType::DATE),
            |function, place, count| ((function, place, count) == ("g", 1, 2)).then_some(PgType::BOOL),
        );
        assert_eq!(found[&1], PgType::INT8);
        assert_eq!(found[&2], PgType::TIMESTAMPTZ);
        assert_eq!(found[&3].sql_name(), "text[]");
        assert_eq!(found.get(&4), None);
        assert_eq!((found[&5], found[&6]), (PgType::INT8, PgType::INT8));
        assert_eq!(found[&7], PgType::DATE);
        assert_eq!((found.get(&8), found.get(&9)), (Some(&PgType::BOOL), None));
    }
}
