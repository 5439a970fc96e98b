//! LIKE, SIMILAR TO, ANY and `substring`, spelled as what the engine matches with.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, ValueWithSpan};

use super::spelling::{call, take};
use crate::error::{Result, message};
use crate::planner::function::regex_syntax::of_similar;

/// Rewrites in place; whether the expression was of these.
pub fn rewrite(expr: &mut Expr) -> Result<bool> {
    match expr {
        Expr::Like { any: true, negated, expr: text, pattern, .. }
        | Expr::ILike { any: true, negated, expr: text, pattern, .. } => {
            let (text, pattern, negated) = (take(text), take(pattern), *negated);
            let is_case_blind = matches!(expr, Expr::ILike { .. });
            *expr = like_any(text, pattern, negated, is_case_blind)?;
        }
        Expr::SimilarTo { negated, expr: text, pattern, escape_char } => {
            let escape = escape_char.as_ref().and_then(literal);
            let matched = match text_of(pattern) {
                Some(written) => Expr::BinaryOp {
                    left: Box::new(take(text)),
                    op: BinaryOperator::PGRegexMatch,
                    right: Box::new(text_literal(of_similar(&written, escape.as_deref())?)),
                },
                None => {
                    let mut args = vec![take(text), take(pattern)];
                    args.extend(escape.map(text_literal));
                    call("similar_to", args)
                }
            };
            *expr = if *negated { not(matched) } else { matched };
        }
        Expr::Substring { expr: text, substring_from, substring_for, .. } => {
            let mut args = vec![take(text)];
            match (substring_from.as_deref_mut(), substring_for.as_deref_mut()) {
                (None, Some(count)) => {
                    args.push(Expr::Value(Value::Number("1".to_owned(), false).into()));
                    args.push(take(count));
                }
                (from, count) => args.extend(from.into_iter().chain(count).map(take)),
            }
            *expr = call("substring", args);
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match &mut **right {
            Expr::Array(array) if !array.elem.is_empty() => {
                let list = std::mem::take(&mut array.elem);
                *expr = Expr::InList { expr: Box::new(take(left)), list, negated: false };
            }
            list if is_column(list) => {
                let list = list.clone();
                *expr = call("any:open", vec![take(expr), list]);
            }
            _ => return Ok(false),
        },
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => match &mut **right {
            Expr::Array(array) if !array.elem.is_empty() => {
                let list = std::mem::take(&mut array.elem);
                *expr = Expr::InList { expr: Box::new(take(left)), list, negated: true };
            }
            list if is_column(list) => {
                let list = list.clone();
                *expr = call("all:open", vec![take(expr), list]);
            }
            _ => return Ok(false),
        },
        _ => return Ok(false),
    }
    Ok(true)
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

/// `x LIKE ANY (ARRAY[a, b])` → `x LIKE a OR x LIKE b`.
fn like_any(text: Expr, pattern: Expr, negated: bool, is_case_blind: bool) -> Result<Expr> {
    let patterns = match pattern {
        Expr::Array(array) => array.elem,
        Expr::Nested(inner) => match *inner {
            Expr::Array(array) => array.elem,
            _ => return Err(message::like_any_of_column()),
        },
        Expr::Tuple(_) => return Err(message::like_any_of_column()),
        _ => return Err(message::like_any_of_column()),
    };
    let one = |pattern: Expr| {
        let (expr, pattern) = (Box::new(text.clone()), Box::new(pattern));
        match is_case_blind {
            true => Expr::ILike { negated, any: false, expr, pattern, escape_char: None },
            false => Expr::Like { negated, any: false, expr, pattern, escape_char: None },
        }
    };
    let any = patterns.into_iter().map(one).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    });
    let any = any.unwrap_or(Expr::Value(Value::Boolean(false).into()));
    Ok(Expr::Nested(Box::new(any)))
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(expr))) }
}

fn literal(value: &ValueWithSpan) -> Option<String> {
    match &value.value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text.clone()),
        _ => None,
    }
}

fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => literal(value),
        Expr::Nested(inner) => text_of(inner),
        _ => None,
    }
}

fn text_literal(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}
