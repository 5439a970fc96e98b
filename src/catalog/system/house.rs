//! The functions of the house as `pg_proc` shows them: OIDs that never change, argument names, types.
//!
//! `facts/house_functions.txt` has a line `oid schema name result [set] [filters] [procedure]` for each, then a line
//! ` name type [default|variadic]` for each argument. `filters` stands for what all member facts take: the member, then
//! the filters, which may be left out. A test of the planner, which runs the functions, holds the file against it.

use std::sync::LazyLock;

use super::relation::Rows;
use super::types;
use super::value::Value;
use crate::catalog::object::{BOOTSTRAP_ROLE_OID, PG_CATALOG_OID, REGULARS_OID};
use crate::pg_type::Oid;

/// A function of the house; more than one may have the same name.
#[derive(Debug)]
pub struct HouseFunction {
    pub oid: Oid,
    pub schema: Oid,
    pub name: &'static str,
    pub result: Oid,
    pub returns_set: bool,
    /// It is called by CALL, and gives one row.
    pub is_procedure: bool,
    pub arguments: Vec<Argument>,
}

#[derive(Debug, Clone, Copy)]
pub struct Argument {
    pub name: &'static str,
    pub type_oid: Oid,
    pub is_optional: bool,
    /// Any number of them, as items of an array.
    pub is_variadic: bool,
}

/// What a member fact takes beside the member.
const FILTERS: &[(&str, &str)] = &[
    ("product", "text"),
    ("all_products", "_text"),
    ("category", "text"),
    ("store", "text"),
    ("channel", "text"),
    ("currency", "text"),
    ("days", "text"),
    ("hours", "text"),
    ("from_date", "date"),
    ("to_date", "date"),
    ("last", "interval"),
    ("min_amount", "numeric"),
    ("gross", "bool"),
];

/// In order of OID.
pub fn house_functions() -> &'static [HouseFunction] {
    static FUNCTIONS: LazyLock<Vec<HouseFunction>> = LazyLock::new(|| parse(include_str!("facts/house_functions.txt")));
    &FUNCTIONS
}

fn type_oid(name: &str) -> Oid {
    types::named(name).map_or(0, |facts| facts.oid)
}

/// A line that is neither a function nor an argument is left out; a test counts them.
fn parse(facts: &'static str) -> Vec<HouseFunction> {
    let mut functions: Vec<HouseFunction> = Vec::new();
    for line in facts.lines() {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        if line.starts_with(' ') {
            if let (Some(function), [name, type_name, rest @ ..]) = (functions.last_mut(), words.as_slice()) {
                function.arguments.push(Argument {
                    name,
                    type_oid: type_oid(type_name),
                    is_optional: rest.contains(&"default"),
                    is_variadic: rest.contains(&"variadic"),
                });
            }
            continue;
        }
        let [oid, schema, name, result, rest @ ..] = words.as_slice() else { continue };
        let Ok(oid) = oid.parse() else { continue };
        let mut arguments = Vec::new();
        if rest.contains(&"filters") {
            let argument = |name, type_name, is_optional| Argument {
                name,
                type_oid: type_oid(type_name),
                is_optional,
                is_variadic: false,
            };
            arguments.push(argument("member_id", "any", false));
            arguments.extend(FILTERS.iter().map(|(name, type_name)| argument(name, type_name, true)));
        }
        functions.push(HouseFunction {
            oid,
            schema: if *schema == "regulars" { REGULARS_OID } else { PG_CATALOG_OID },
            name,
            result: type_oid(result),
            returns_set: rest.contains(&"set"),
            is_procedure: rest.contains(&"procedure"),
            arguments,
        });
    }
    functions
}

/// Their rows of `pg_proc`.
pub(super) fn add_rows(rows: &mut Rows<'_>) {
    for function in house_functions() {
        let arguments = &function.arguments;
        let oids = || arguments.iter().map(|argument| argument.type_oid).collect::<Vec<Oid>>();
        let names: Vec<String> = arguments.iter().map(|argument| argument.name.to_owned()).collect();
        let variadic = arguments.iter().find(|argument| argument.is_variadic);
        let element = variadic.and_then(|argument| types::type_of(argument.type_oid)).map_or(0, |facts| facts.element);
        let modes = variadic.map(|_| arguments.iter().map(|argument| if argument.is_variadic { "v" } else { "i" }));
        rows.add([
            ("oid", function.oid.into()),
            ("proname", function.name.into()),
            ("pronamespace", function.schema.into()),
            ("proowner", BOOTSTRAP_ROLE_OID.into()),
            ("prolang", Value::Int(12)),
            ("procost", Value::Float(1.0)),
            ("prorows", Value::Float(if function.returns_set { 1000.0 } else { 0.0 })),
            ("provariadic", element.into()),
            ("prokind", if function.is_procedure { "p" } else { "f" }.into()),
            ("proretset", function.returns_set.into()),
            ("provolatile", if function.is_procedure { "v" } else { "s" }.into()),
            ("proparallel", if function.is_procedure { "u" } else { "s" }.into()),
            ("pronargs", Value::Int(arguments.len() as i64)),
            ("pronargdefaults", Value::Int(arguments.iter().filter(|argument| argument.is_optional).count() as i64)),
            ("prorettype", function.result.into()),
            ("proargtypes", oids().into()),
            ("proallargtypes", modes.is_some().then(oids).into()),
            ("proargmodes", modes.map(|modes| modes.collect::<Vec<_>>()).into()),
            ("proargnames", (!names.is_empty()).then_some(names).into()),
            ("prosrc", function.name.into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_understood() {
        let facts = include_str!("facts/house_functions.txt");
        let written: usize = house_functions().iter().map(|function| function.arguments.len()).sum();
        let filters = facts.lines().filter(|line| line.ends_with(" filters")).count() * (FILTERS.len() + 1);
        assert_eq!(house_functions().len() + written - filters, facts.lines().count());
        let mut last = 0;
        for function in house_functions() {
            assert!(function.oid > last && function.result != 0, "{}", function.name);
            assert!(function.arguments.iter().all(|argument| argument.type_oid != 0), "{}", function.name);
            last = function.oid;
        }
    }
}
