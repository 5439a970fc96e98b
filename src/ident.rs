//! Names as PostgreSQL writes and reads them.

use datafusion::sql::sqlparser::ast::Ident;

use crate::error::{Error, Result, message};

/// What the first superuser is called unless the configuration says otherwise.
pub const FIRST_SUPERUSER: &str = "admin";
/// The one database of a server.
pub const DATABASE: &str = "regulars";

/// The longest name, in bytes: PostgreSQL's NAMEDATALEN less one.
pub const NAME_BYTES_MAX: usize = 63;

/// Writes a name so that it reads back as the same name: quoted unless it is a plain lower-case word that is not reserved.
pub fn quote(name: &str) -> String {
    let plain = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !RESERVED.contains(&name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A name as PostgreSQL understands it where it is not quoted: in lower case.
pub fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Splits `schema."Name"` as PostgreSQL does: what is not quoted is made lower case. SQLSTATE 42602 when it is no name.
pub fn split(text: &str) -> Result<Vec<String>> {
    let invalid = || -> Error { message::name_invalid(text) };
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut tail = quoted;
            loop {
                let end = tail.find('"').ok_or_else(invalid)?;
                name.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                match tail.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        tail = more;
                    }
                    None => break,
                }
            }
            part = name;
            rest = tail;
        } else {
            let end = rest.find(['.', '"']).unwrap_or(rest.len());
            part = rest[..end].trim_end().to_lowercase();
            rest = &rest[end..];
            if part.contains(char::is_whitespace) {
                return Err(invalid());
            }
        }
        if part.is_empty() {
            return Err(invalid());
        }
        parts.push(part);
        match rest.trim_start().strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.trim().is_empty() => return Ok(parts),
            None => return Err(invalid()),
        }
    }
}

/// PostgreSQL 16's reserved words (appendix C), and the type and function names that `quote_ident` quotes as well.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::{quote, split};

    #[test]
    fn quotes_only_where_reading_back_would_change_the_name() {
        assert_eq!(quote("lunch_coffee"), "lunch_coffee");
        assert_eq!(quote("Lunch"), "\"Lunch\"");
        assert_eq!(quote("order"), "\"order\"");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote("2nd"), "\"2nd\"");
        assert_eq!(quote(""), "\"\"");
    }
    #[test]
    fn names_split_as_postgresql_splits_them() {
        assert_eq!(split("Public.Members").unwrap(), ["public", "members"]);
        assert_eq!(split("crm.\"Gold \"\"A\"\"\"").unwrap(), ["crm", "Gold \"A\""]);
        assert_eq!(split(" a . b ").unwrap(), ["a", "b"]);
        for wrong in ["", "a.", ".a", "\"a", "a b", "a\"b\"", "a b.\"c\""] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
