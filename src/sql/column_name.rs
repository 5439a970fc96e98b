//! What a column of a SELECT list is called when its author gave no name: PostgreSQL's rules.
//!
//! The engine below would call `count(*)` by its text, and refuses two columns of one name. So every item of every
//! SELECT list is given PostgreSQL's name, and a repeated name a suffix behind [`REPEAT_MARK`] that
//! [`shown_name`] takes off again before a client sees it. Expressions themselves are not touched.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, DataType, Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, VisitMut, VisitorMut,
};

use crate::ident::folded;

/// Stands before the number of a repeated name. A control character that no name typed by a person contains.
const REPEAT_MARK: char = '\u{1f}';

/// Names the items of all SELECT lists in the query, its subqueries included.
pub fn name_columns(query: &mut Query) {
    let _: ControlFlow<()> = VisitMut::visit(query, &mut Namer::default());
}

/// The name as a client is shown it.
pub fn shown_name(name: &str) -> &str {
    name.split(REPEAT_MARK).next().unwrap_or(name)
}

/// A name that a result has already: told apart inside, shown alike.
pub fn repeated_name(name: &str, repeats: usize) -> String {
    if repeats == 0 { name.to_owned() } else { format!("{name}{REPEAT_MARK}{repeats}") }
}

#[derive(Debug, Default)]
struct Namer {
    /// Queries around the one that is visited, itself among them.
    depth: usize,
    /// Whether the outermost query is one SELECT, whose names only the client and ORDER BY read.
    is_one_select: bool,
    /// Aliases of the outermost SELECT that were given a mark, and what they are now.
    marked: HashMap<String, Ident>,
}

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        if self.depth == 1 {
            self.is_one_select = matches!(*query.body, SetExpr::Select(_));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.depth == 1
            && let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by
        {
            for key in keys {
                if let Expr::Identifier(name) = &mut key.expr
                    && let Some(marked) = self.marked.get(&folded(name))
                {
                    *name = marked.clone();
                }
            }
        }
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let stars = Stars::of(&select.projection);
        for item in &mut select.projection {
            let (name, given) = match &*item {
                SelectItem::UnnamedExpr(expr) => (name_of(expr), is_plain_column(expr)),
                SelectItem::ExprWithAlias { alias, .. } => (folded(alias), false),
                SelectItem::ExprWithAliases { .. } | SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => {
                    continue;
                }
            };
            // Nobody but the client reads the outermost names: beside a star they may repeat what it gives.
            let is_beside = self.depth == 1 && self.is_one_select && stars.any();
            let is_covered = matches!(&*item, SelectItem::UnnamedExpr(expr) if stars.cover(expr));
            let first = usize::from(is_beside || is_covered);
            let repeats = seen.entry(name.clone()).and_modify(|count| *count += 1).or_insert(first);
            if given && *repeats == 0 {
                continue;
            }
            let alias = Ident::with_quote('"', repeated_name(&name, *repeats));
            if is_beside && matches!(item, SelectItem::ExprWithAlias { .. }) {
                self.marked.entry(name).or_insert_with(|| alias.clone());
            }
            let placeholder = SelectItem::Wildcard(ast::WildcardAdditionalOptions::default());
            *item = match std::mem::replace(item, placeholder) {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    SelectItem::ExprWithAlias { expr, alias }
                }
                other => other,
            };
        }
        ControlFlow::Continue(())
    }
}

/// The stars of a SELECT list, which give columns that may stand there by name as well: `SELECT t.x, t.*`.
struct Stars {
    all: bool,
    of: Vec<String>,
}

impl Stars {
    fn of(items: &[SelectItem]) -> Self {
        let mut stars = Self { all: false, of: Vec::new() };
        for item in items {
            match item {
                SelectItem::Wildcard(_) => stars.all = true,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    stars.of.extend(name.0.last().and_then(|part| part.as_ident()).map(folded));
                }
                _ => {}
            }
        }
        stars
    }

    fn any(&self) -> bool {
        self.all || !self.of.is_empty()
    }

    /// Whether a star gives this column too.
    fn cover(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Identifier(_) => self.all,
            Expr::CompoundIdentifier(parts) => {
                let of = parts.len().checked_sub(2).and_then(|place| parts.get(place)).map(folded);
                self.all || of.is_some_and(|of| self.of.contains(&of))
            }
            _ => false,
        }
    }
}

/// A column as it stands keeps its own name without help, and its qualifier with it.
fn is_plain_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

/// PostgreSQL's name of an expression (`FigureColname` in its parser).
fn name_of(expr: &Expr) -> String {
    strong_name(expr).unwrap_or_else(|| match expr {
        Expr::Cast { data_type, .. } => type_name(data_type),
        Expr::TypedString(typed) => type_name(&typed.data_type),
        Expr::Interval(_) => "interval".to_owned(),
        Expr::Case { .. } => "case".to_owned(),
        Expr::Nested(inner) => name_of(inner),
        _ => "?column?".to_owned(),
    })
}

/// The name where the expression itself has one, as against one that only its type lends it.
fn strong_name(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Identifier(ident) => folded(ident),
        Expr::CompoundIdentifier(parts) => folded(parts.last()?),
        Expr::Function(function) => match function.name.0.last()?.as_ident() {
            Some(ident) => folded(ident),
            None => return None,
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => return strong_name(inner),
        Expr::Cast { expr: inner, .. } => return strong_name(inner),
        Expr::Case { else_result: Some(inner), .. } => return strong_name(inner),
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Substring { shorthand: true, .. } => "substr".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Overlay { .. } => "overlay".to_owned(),
        Expr::Trim { trim_where, .. } => match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim".to_owned(),
            Some(ast::TrimWhereField::Trailing) => "rtrim".to_owned(),
            _ => "btrim".to_owned(),
        },
        Expr::BinaryOp { op: ast::BinaryOperator::Overlaps, .. } => "overlaps".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::AtTimeZone { .. } => "timezone".to_owned(),
        Expr::Exists { negated: false, .. } => "exists".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        Expr::Tuple(_) => "row".to_owned(),
        Expr::Subquery(query) => return first_name(&query.body),
        // The last field; an item of an array is called as the array.
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(field)) => Some(folded(field)),
                _ => None,
            });
            return field.or_else(|| strong_name(root));
        }
        _ => return None,
    })
}

fn first_name(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::UnnamedExpr(expr) => Some(name_of(expr)),
            SelectItem::ExprWithAlias { alias, .. } => Some(shown_name(&folded(alias)).to_owned()),
            _ => None,
        },
        SetExpr::Query(query) => first_name(&query.body),
        SetExpr::SetOperation { left, .. } => first_name(left),
        _ => None,
    }
}

/// The internal name of a type, by which PostgreSQL names a column that has nothing but a cast.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Real | DataType::Float4 => "float4",
        DataType::DoublePrecision | DataType::Double(_) | DataType::Float8 | DataType::Float(_) => "float8",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Varchar(_) | DataType::CharacterVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Time(_, ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone) => "time",
        DataType::Timestamp(_, ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone) => "timestamp",
        DataType::Timestamp(..) => "timestamptz",
        DataType::Interval { .. } => "interval",
        DataType::Array(ast::ArrayElemTypeDef::SquareBracket(element, _)) => return type_name(element),
        other => return other.to_string().to_lowercase(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_query;

    fn names(text: &str) -> Vec<String> {
        let mut query = parse_query(text).unwrap();
        name_columns(&mut query);
        let SetExpr::Select(select) = &*query.body else { panic!() };
        select
            .projection
            .iter()
            .map(|item| match item {
                SelectItem::UnnamedExpr(expr) => name_of(expr),
                SelectItem::ExprWithAlias { alias, .. } => shown_name(&alias.value).to_owned(),
                other => other.to_string(),
            })
            .collect()
    }

    #[test]
    fn names_are_postgresqls() {
        // As PostgreSQL 15 names the columns of this very statement.
        assert_eq!(
            names(
                "SELECT count(*), 1, 'x', 1 + 1, date '2026-01-01', '1'::int, m.id, m.id::text, \"Q\", coalesce(a, 1), \
                 CASE WHEN true THEN 1 END, CASE WHEN true THEN 1 ELSE a END, EXISTS (SELECT 1), (SELECT max(b) FROM t), \
                 extract(year FROM d), x AT TIME ZONE 'UTC', count(*), interval '1 day', NOT a, a IS NULL, ARRAY[1], trim(a)"
            ),
            [
                "count", "?column?", "?column?", "?column?", "date", "int4", "id", "id", "Q", "coalesce", "case", "a",
                "exists", "max", "extract", "timezone", "count", "interval", "?column?", "?column?", "array", "btrim"
            ]
        );
    }

    #[test]
    fn repeated_names_are_told_apart_inside_and_shown_alike() {
        let mut query = parse_query("SELECT 1, 2, a.x, b.x FROM a, b").unwrap();
        name_columns(&mut query);
        assert_eq!(
            query.to_string(),
            "SELECT 1 AS \"?column?\", 2 AS \"?column?\u{1f}1\", a.x, b.x AS \"x\u{1f}1\" FROM a, b"
        );
    }
}
