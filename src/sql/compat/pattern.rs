//! Patterns with an escape character of their own.

use datafusion::sql::sqlparser::ast::{Expr, Value};

use super::{call, take};

/// `x LIKE p ESCAPE e` → `x LIKE like_escape(p, e)`, as PostgreSQL itself does; DataFusion knows the backslash alone.
pub(super) fn escape(expr: &mut Expr) -> bool {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr else {
        return false;
    };
    let Some(escape) = escape_char.take() else { return false };
    // The backslash is what escapes without being named.
    if !matches!(&escape.value, Value::SingleQuotedString(text) if text == "\\") {
        **pattern = call("like_escape", vec![take(pattern), Expr::Value(escape)]);
    }
    true
}
