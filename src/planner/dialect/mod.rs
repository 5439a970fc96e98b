//! PostgreSQL's meaning of operators, literals and types, where the engine would give them another.
//!
//! How it works, in the order in which a query passes: [`clause`] refuses aggregates and windows where they cannot
//! stand; [`row`] writes out comparisons of rows, relations as rows, and what USING merges; [`spelling`] rewrites casts, literals and a few functions in the syntax tree; while the engine plans, it asks
//! [`Dialect`] for each operator ([`operator`]) and type; [`settle`] checks and completes what only the whole plan
//! shows (IN lists, BETWEEN, the types of CASE, of conditions and of UNION).
//!
//! What always holds: a comparison of a column with a constant stays one, the constant in the column's type, so that
//! filters reach the files. A literal without a type takes the type of what it meets, and is read in the session's zone.

mod aggregate;
pub mod clause;
pub mod count;
mod kind;
mod matching;
mod merged;
mod operator;
pub mod row;
pub mod settle;
pub mod spelling;
mod values;
mod whole_row;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono_tz::Tz;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner};
use datafusion::sql::sqlparser::ast;
use regulars_udfs::zone;

use super::function;
use crate::error::message;
use crate::session::TextFormat;

pub use self::aggregate::is_spelled;
pub use self::kind::{Kind, target_of};
pub use super::is_text;

/// What of a session gives values their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session {
    pub text: TextFormat,
}

/// `timestamp`, as it is computed with.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// `timestamp with time zone`, as it is computed with.
pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `time`, as it is computed with.
pub fn time_type() -> DataType {
    DataType::Time64(TimeUnit::Microsecond)
}

impl Session {
    pub fn text_format(self) -> TextFormat {
        self.text
    }

    pub fn is_utc(self) -> bool {
        matches!(self.text.time_zone, Tz::UTC | Tz::Etc__UTC | Tz::GMT | Tz::Etc__GMT)
    }

    /// Instants as timestamps in the session's zone; any other array as it is.
    pub fn local_times(self, array: &ArrayRef) -> Result<ArrayRef> {
        if !matches!(array.data_type(), DataType::Timestamp(_, Some(_))) {
            return Ok(Arc::clone(array));
        }
        let instants = cast(array, &instant_type())?;
        let mut zone = zone::parse(self.text.time_zone.name()).map_err(external)?.cursor();
        let local: TimestampMicrosecondArray =
            instants.as_primitive::<TimestampMicrosecondType>().iter().map(|at| Some(zone.local_of(at?))).collect();
        Ok(Arc::new(local))
    }

    /// A local time of the session's zone, in microseconds, as the instant that it is.
    pub fn instant_of(self, local: i64) -> crate::error::Result<i64> {
        let zone = zone::parse(self.text.time_zone.name()).map_err(external)?;
        Ok(if matches!(local, i64::MIN | i64::MAX) { local } else { zone::instant_of(local, &zone) })
    }

    /// An instant, in microseconds, as the local time of the session's zone.
    pub fn local_of(self, instant: i64) -> crate::error::Result<i64> {
        let zone = zone::parse(self.text.time_zone.name()).map_err(external)?;
        Ok(if matches!(instant, i64::MIN | i64::MAX) { instant } else { zone::local_of(instant, &zone) })
    }

    /// Timestamps of the session's zone as instants.
    pub fn instants(self, array: &ArrayRef) -> Result<ArrayRef> {
        let local = cast(array, &timestamp_type())?;
        let mut zone = zone::parse(self.text.time_zone.name()).map_err(external)?.cursor();
        let instants: TimestampMicrosecondArray =
            local.as_primitive::<TimestampMicrosecondType>().iter().map(|at| Some(zone.instant_of(at?))).collect();
        Ok(Arc::new(instants.with_timezone("UTC")))
    }
}

fn external(refusal: regulars_udfs::Refusal) -> datafusion::error::DataFusionError {
    datafusion::error::DataFusionError::External(Box::new(refusal))
}

/// What the engine asks while it plans an expression.
#[derive(Debug)]
pub struct Dialect {
    pub session: Session,
}

impl ExprPlanner for Dialect {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        operator::plan(self.session, expr, schema)
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let body = function::extract(self.session);
        Ok(PlannerResult::Planned(body.call(args)))
    }
}

impl TypePlanner for Dialect {
    /// Errors: 42704 for a type that PostgreSQL does not have, 0A000 for one that is not here.
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        use ast::{DataType as Sql, TimezoneInfo};
        let data_type = match sql_type {
            Sql::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => time_type(),
            Sql::Time(..) => return Err(message::unsupported("type time with time zone").into()),
            Sql::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => timestamp_type(),
            Sql::Timestamp(..) => instant_type(),
            Sql::Uuid => {
                let field = crate::pg_type::PgType::UUID.field("", DataType::Utf8View);
                return Ok(Some(Arc::new(field)));
            }
            Sql::Custom(name, _) => {
                let name = name.to_string().to_lowercase();
                return match name.as_str() {
                    "jsonb" | "money" | "inet" | "cidr" | "macaddr" | "point" | "xml" | "tsvector" | "tsquery"
                    | "bit" | "varbit" | "hstore" => Err(message::unsupported(&format!("type {name}")).into()),
                    _ => Err(message::type_missing(&name).into()),
                };
            }
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}
