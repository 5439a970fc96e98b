//! Types by PostgreSQL's names for them.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArguments, Ident, ObjectName, TimezoneInfo,
};

use super::{argument, catalog_name};

/// `x::pg_catalog.text` → `x::text`, and types that only PostgreSQL has → the ones in which they are held here.
pub(super) fn cast_type(expr: &mut Expr) -> bool {
    let Expr::Cast { data_type, .. } = expr else { return false };
    match plain_type(data_type) {
        Some(plain) => {
            *data_type = plain;
            true
        }
        None => false,
    }
}

/// `date(x)` → `x::date`: PostgreSQL has a function for each cast that its grammar can take for a call.
pub(super) fn cast_function(expr: &mut Expr) -> bool {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), filter: None, over: None, .. }) = expr
    else {
        return false;
    };
    let Some(word) = catalog_name(name).filter(|word| {
        let types = ["bool", "bpchar", "date", "float4", "float8", "int2", "int4", "int8", "name", "oid", "text"];
        types.contains(&word.as_str()) || word == "timestamptz"
    }) else {
        return false;
    };
    let ([only], None, []) = (list.args.as_slice(), list.duplicate_treatment, list.clauses.as_slice()) else {
        return false;
    };
    let Some(value) = argument(only) else { return false };
    let data_type = DataType::Custom(ObjectName::from(Ident::new(word)), Vec::new());
    *expr = Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(value), data_type, array: false, format: None };
    true
}

/// `None` when the type is plain already, or unknown.
fn plain_type(data_type: &DataType) -> Option<DataType> {
    let (name, modifiers) = match data_type {
        DataType::Custom(name, modifiers) => (name, modifiers),
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, size)) => {
            let item = plain_type(item)?;
            return Some(DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), *size)));
        }
        _ => return None,
    };
    let quoted = name.0.last()?.as_ident()?.quote_style.is_some();
    let word = catalog_name(name)?;
    Some(match word.as_str() {
        "oid" | "xid" | "cid" => DataType::IntUnsigned(None),
        // The type of one byte; here its values are text.
        "char" if quoted => DataType::Text,
        "text" | "name" | "bpchar" | "cstring" | "varchar" => DataType::Text,
        "bool" => DataType::Boolean,
        "int2" => DataType::SmallInt(None),
        "int4" => DataType::Integer(None),
        "int8" => DataType::BigInt(None),
        "float4" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "date" => DataType::Date,
        "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" => DataType::Timestamp(None, TimezoneInfo::Tz),
        "bytea" => DataType::Bytea,
        "interval" => DataType::Interval { fields: None, precision: None },
        "numeric" => {
            use datafusion::sql::sqlparser::ast::ExactNumberInfo::{None, Precision, PrecisionAndScale};
            DataType::Numeric(match modifiers.as_slice() {
                [precision] => Precision(precision.parse().ok()?),
                [precision, scale] => PrecisionAndScale(precision.parse().ok()?, scale.parse().ok()?),
                _ => None,
            })
        }
        _ => return None,
    })
}
