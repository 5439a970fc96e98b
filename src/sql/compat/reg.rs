//! `regclass` and its kin: types whose values are OIDs and are written as names.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, SelectItem, SetExpr,
};

use super::{
    RegResolver, call, cast, catalog_name, is_name, literal_text, oid_literal, take, text_if_parameter, unnested,
};
use crate::error::Result;

/// `'members'::regclass` → its OID; `x::regclass` → `regclass_in(x)`, which takes OIDs and names.
pub(super) fn reg_cast(expr: &mut Expr, resolve: &dyn RegResolver) -> Result<bool> {
    let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } = expr else {
        return Ok(false);
    };
    let Some(kind) = RegKind::of(data_type) else { return Ok(false) };
    let found = match (literal_text(inner), kind) {
        // A number or `-` is not a name; a function may be overloaded. Both are left to the functions.
        (Some(name), RegKind::Class) if is_name(name) => resolve.class(name)?,
        (Some(name), RegKind::Type) if is_name(name) => resolve.type_(name)?,
        (Some(name), RegKind::Namespace) if is_name(name) => resolve.namespace(name)?,
        (Some(name), RegKind::Role) if is_name(name) => resolve.role(name)?,
        _ => {
            let argument = text_if_parameter(take(inner));
            *expr = call(kind.input(), vec![argument]);
            return Ok(true);
        }
    };
    *expr = oid_literal(found);
    Ok(true)
}

/// `x::regtype[]` → `regtype_names(x)`: the names, as they are written.
pub(super) fn reg_array_cast(expr: &mut Expr) -> bool {
    let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } = expr else {
        return false;
    };
    let DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) = data_type else { return false };
    if RegKind::of(item) != Some(RegKind::Type) {
        return false;
    }
    *expr = call("regtype_names", vec![take(inner)]);
    true
}

/// The types whose values are OIDs and are written as names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RegKind {
    Class,
    Type,
    Proc,
    Namespace,
    Role,
}

impl RegKind {
    fn of(data_type: &DataType) -> Option<Self> {
        if *data_type == DataType::Regclass {
            return Some(Self::Class);
        }
        let DataType::Custom(name, _) = data_type else { return None };
        match catalog_name(name)?.as_str() {
            "regclass" => Some(Self::Class),
            "regtype" => Some(Self::Type),
            "regproc" | "regprocedure" => Some(Self::Proc),
            "regnamespace" => Some(Self::Namespace),
            "regrole" => Some(Self::Role),
            _ => None,
        }
    }

    /// The function that gives the OID.
    fn input(self) -> &'static str {
        match self {
            Self::Class => "regclass_in",
            Self::Type => "regtype_in",
            Self::Proc => "regproc_in",
            Self::Namespace => "regnamespace_in",
            Self::Role => "regrole_in",
        }
    }

    /// The function that gives the name.
    fn output(self) -> &'static str {
        match self {
            Self::Class => "regclass_name",
            Self::Type => "regtype_name",
            Self::Proc => "regproc_name",
            Self::Namespace => "regnamespace_name",
            Self::Role => "regrole_name",
        }
    }
}

/// `SELECT c.oid::regclass` and `SELECT to_regclass('x')` show names: what goes out of the statement as `regclass` is made text.
/// Inside a statement it stays the OID that it is. The column's name is for who names output columns to say.
pub(super) fn name_reg_outputs(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
                if reg_kind(expr).is_none() {
                    continue;
                }
                *expr = cast(take(expr), DataType::Text);
            }
        }
        SetExpr::Query(query) => name_reg_outputs(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            name_reg_outputs(left);
            name_reg_outputs(right);
        }
        _ => {}
    }
}

/// `x::regclass::text` → `regclass_name(x)`.
pub(super) fn reg_cast_to_text(expr: &mut Expr) -> bool {
    let Expr::Cast { expr: inner, data_type, .. } = expr else { return false };
    let is_text = match data_type {
        DataType::Text | DataType::Varchar(None) => true,
        DataType::Custom(name, _) => {
            catalog_name(name).is_some_and(|name| matches!(name.as_str(), "text" | "varchar" | "name"))
        }
        _ => false,
    };
    let inner = unnested(inner);
    let Some(kind) = reg_kind(inner).filter(|_| is_text) else { return false };
    let argument = match inner {
        Expr::Cast { expr, .. } => text_if_parameter(take(expr)),
        call => take(call),
    };
    *expr = call(kind.output(), vec![argument]);
    true
}

/// `x::regclass || 'y'` joins the name: it is cast to text.
pub(super) fn reg_joined_to_text(expr: &mut Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } = expr else { return false };
    let mut is_changed = false;
    for operand in [left, right] {
        let operand = unnested(operand);
        if reg_kind(operand).is_some() {
            *operand = cast(take(operand), DataType::Text);
            is_changed = true;
        }
    }
    is_changed
}

/// Which of these types an expression has: by a cast, or as what `to_regclass` and its kin give.
fn reg_kind(expr: &Expr) -> Option<RegKind> {
    match expr {
        Expr::Cast { data_type, .. } => RegKind::of(data_type),
        Expr::Function(function) => match catalog_name(&function.name)?.as_str() {
            "to_regclass" => Some(RegKind::Class),
            "to_regtype" => Some(RegKind::Type),
            "to_regproc" => Some(RegKind::Proc),
            "to_regnamespace" => Some(RegKind::Namespace),
            "to_regrole" => Some(RegKind::Role),
            _ => None,
        },
        _ => None,
    }
}
