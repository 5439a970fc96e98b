//! PostgreSQL's dialect as sqlparser reads it, except where its reading takes too long.
//!
//! To sqlparser the name of an argument may be any expression in PostgreSQL, so each argument is read twice: once in
//! the hope of `name =>`, once again. Calls inside one another then take twice as long for each level, and thirty of
//! them for ever. In PostgreSQL such a name is one word, and a word is read quickly.

use std::any::TypeId;

use datafusion::sql::sqlparser::dialect::{self, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

const POSTGRESQL: PostgreSqlDialect = PostgreSqlDialect {};

/// The dialect that all text of ours and of clients is read in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect;

macro_rules! as_postgresql {
    ($($method:ident),* $(,)?) => {
        $(fn $method(&self) -> bool {
            POSTGRESQL.$method()
        })*
    };
}

/// What [`PostgreSqlDialect`] says otherwise than a dialect does by default, but for the names of arguments.
impl dialect::Dialect for Dialect {
    fn dialect(&self) -> TypeId {
        POSTGRESQL.dialect()
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        POSTGRESQL.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        POSTGRESQL.is_delimited_identifier_start(character)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        POSTGRESQL.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        POSTGRESQL.is_identifier_part(character)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRESQL.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, character: char) -> bool {
        POSTGRESQL.is_custom_operator_part(character)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        POSTGRESQL.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        POSTGRESQL.prec_value(precedence)
    }

    as_postgresql!(
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_listen_notify,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_set_names,
        supports_alter_column_type_using,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_create_table_like_parenthesized,
        supports_select_wildcard_with_alias,
        supports_comma_separated_trim,
        supports_xml_expressions,
        supports_comment_optimizer_hint,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the names of arguments read as expressions there would be no end to it.
    #[test]
    fn calls_inside_one_another_are_read_once() {
        let text = format!("SELECT {}a{}", "f(b => 1, ".repeat(60), ")".repeat(60));
        let mut parser = Parser::new(&Dialect).with_recursion_limit(1_000).try_with_sql(&text).unwrap();
        assert_eq!(parser.parse_statements().unwrap().len(), 1);
    }
}
