//! Names to OIDs and back, as this session sees them: the search path, `regclass` and its kin.

use super::{SystemContext, relation, relation_by_oid, types};
use crate::catalog::object::{INFORMATION_SCHEMA_OID, PG_CATALOG_OID, REGULARS_OID, Relation, RelationKind};
use crate::error::{Result, message};
use crate::ident::{quote, split};
use crate::pg_type::{Oid, PgType};
use crate::sql::compat::RegResolver;

/// What every relation has, of users or of the system.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelationName<'a> {
    pub oid: Oid,
    pub schema: Oid,
    pub name: &'a str,
}

impl SystemContext {
    /// Tables and views of users, without the tables that the configuration no longer names.
    pub(super) fn user_relations(&self) -> impl Iterator<Item = &Relation> {
        self.snapshot.relations().map(|relation| &**relation).filter(|relation| is_present(relation))
    }

    /// OIDs of the schemas in which unqualified names are looked up, `pg_catalog` first unless it is named.
    pub(super) fn schemas_searched(&self) -> Vec<Oid> {
        let mut path = self.schemas_named();
        if !path.contains(&PG_CATALOG_OID) {
            path.insert(0, PG_CATALOG_OID);
        }
        path
    }

    /// OIDs of the existing schemas that the search path names.
    pub(super) fn schemas_named(&self) -> Vec<Oid> {
        let user = self.user();
        let names = self.search_path.iter().map(|name| if name == "$user" { &user } else { name });
        let mut path = Vec::new();
        for schema in names.filter_map(|name| self.snapshot.schema_named(name)) {
            if !path.contains(&schema.oid) {
                path.push(schema.oid);
            }
        }
        path
    }

    /// `current_user`.
    pub(super) fn user(&self) -> String {
        self.role_name(self.current_user)
    }

    /// A role's name, as `pg_get_userbyid` has it.
    pub(super) fn role_name(&self, oid: Oid) -> String {
        match self.snapshot.role(oid) {
            Some(role) => role.name.clone(),
            None => format!("unknown (OID={oid})"),
        }
    }

    pub(super) fn is_superuser(&self) -> bool {
        self.snapshot.is_superuser(self.current_user)
    }

    pub(super) fn schema_name(&self, oid: Oid) -> Option<&str> {
        self.snapshot.schema(oid).map(|schema| schema.name.as_str())
    }

    pub(super) fn relation_name(&self, oid: Oid) -> Option<RelationName<'_>> {
        if let Some(system) = relation_by_oid(oid) {
            return Some(RelationName { oid, schema: system.schema_oid(), name: system.name() });
        }
        let relation = self.snapshot.relation(oid).filter(|relation| is_present(relation))?;
        Some(RelationName { oid, schema: relation.schema, name: &relation.name })
    }

    fn relation_in(&self, schema: Oid, name: &str) -> Option<Oid> {
        let system = match schema {
            PG_CATALOG_OID => relation("pg_catalog", name),
            INFORMATION_SCHEMA_OID => relation("information_schema", name),
            REGULARS_OID => relation("regulars", name),
            _ => None,
        };
        if let Some(system) = system {
            return Some(system.oid());
        }
        self.snapshot.relation_named(schema, name).filter(|relation| is_present(relation)).map(|relation| relation.oid)
    }

    /// The relation that this perhaps qualified name means.
    pub(super) fn find_relation(&self, name: &str) -> Result<Option<Oid>> {
        let parts = split(name)?;
        Ok(match parts.as_slice() {
            [name] => self.schemas_searched().into_iter().find_map(|schema| self.relation_in(schema, name)),
            [schema, name] => self.snapshot.schema_named(schema).and_then(|schema| self.relation_in(schema.oid, name)),
            [database, schema, name] if *database == self.database => {
                self.snapshot.schema_named(schema).and_then(|schema| self.relation_in(schema.oid, name))
            }
            _ => None,
        })
    }

    /// Whether the bare name means this relation; `None` when there is no such relation.
    pub(super) fn is_visible(&self, oid: Oid) -> Option<bool> {
        let relation = self.relation_name(oid)?;
        let meant = self.schemas_searched().into_iter().find_map(|schema| self.relation_in(schema, relation.name));
        Some(meant == Some(relation.oid))
    }

    /// The name under which this session finds the relation: qualified unless the bare name means it.
    pub(super) fn visible_name(&self, oid: Oid) -> Option<String> {
        let relation = self.relation_name(oid)?;
        if self.is_visible(oid) == Some(true) {
            return Some(quote(relation.name));
        }
        Some(self.qualified_name(relation))
    }

    pub(super) fn qualified_name(&self, relation: RelationName<'_>) -> String {
        format!("{}.{}", quote(self.schema_name(relation.schema).unwrap_or("???")), quote(relation.name))
    }

    /// A view's text with the names that its relations have today.
    pub(super) fn view_text(&self, relation: &Relation) -> Option<String> {
        let definition = relation.definition()?;
        let name_of = |oid| self.visible_name(oid).unwrap_or_else(|| "???".to_owned());
        let text = crate::catalog::definition::spliced(definition, name_of);
        Some(format!("{};", text.trim().trim_end_matches(';').trim_end()))
    }
}

fn is_present(relation: &Relation) -> bool {
    !matches!(relation.kind, RelationKind::Table { present: false })
}

impl RegResolver for SystemContext {
    fn class(&self, name: &str) -> Result<Oid> {
        self.find_relation(name)?.ok_or_else(|| message::relation_unknown(name))
    }

    fn type_(&self, name: &str) -> Result<Oid> {
        find_type(name).ok_or_else(|| message::type_unknown(name))
    }

    fn namespace(&self, name: &str) -> Result<Oid> {
        let parts = split(name)?;
        match parts.as_slice() {
            [name] => self.snapshot.schema_named(name).map(|schema| schema.oid),
            _ => return Err(message::name_invalid(name)),
        }
        .ok_or_else(|| message::schema_unknown(name))
    }

    fn role(&self, name: &str) -> Result<Oid> {
        let role = match split(name)?.as_slice() {
            [name] => self.snapshot.role_named(name),
            _ => return Err(message::name_invalid(name)),
        };
        role.map(|role| role.oid).ok_or_else(|| message::role_unknown(name))
    }
}

/// The type of this name: internal (`int8`), in SQL (`bigint`), with or without `pg_catalog.`, `[]` for arrays.
pub(super) fn find_type(name: &str) -> Option<Oid> {
    let name = name.trim();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    if let Some(element) = name.strip_suffix("[]") {
        let element = find_type(element)?;
        return crate::pg_type::TYPES.iter().find(|info| info.oid == element).map(|info| info.array_oid);
    }
    let (bare, quoted) = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => (name.to_owned(), true),
        // A modifier does not change the type.
        None => (name.split('(').next().unwrap_or(name).trim().to_lowercase(), false),
    };
    let in_sql = crate::pg_type::TYPES.iter().find(|info| !quoted && info.sql_name == bare);
    let other = match bare.as_str() {
        "int" => Some(23),
        "decimal" | "dec" => Some(1700),
        "float" => Some(701),
        "timestamp" => Some(1114),
        "time" => Some(1083),
        // Unquoted `char` is `character(1)`.
        "char" if !quoted => Some(1042),
        _ => None,
    };
    in_sql.map(|info| info.oid).or(other).or_else(|| types::named(&bare).map(|facts| facts.oid))
}

/// As `format_type` prints it. `modifier` is `None` where the caller gave NULL.
pub(super) fn type_name(oid: Oid, modifier: Option<i32>) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let Some(facts) = types::type_of(oid) else {
        return "???".to_owned();
    };
    if facts.category == 'A' && facts.name.starts_with('_') {
        return format!("{}[]", type_name(facts.element, modifier));
    }
    let bare = || match crate::pg_type::TYPES.iter().find(|info| info.oid == oid) {
        Some(info) => info.sql_name.to_owned(),
        None => quote(facts.name),
    };
    match (oid, modifier) {
        // `character` alone means one character; -1 says that there is no limit.
        (1042, Some(-1)) => "bpchar".to_owned(),
        (1042 | 1043, Some(modifier)) if modifier >= 4 => format!("{}({})", bare(), modifier - 4),
        (1083 | 1114 | 1184, Some(digits)) if digits >= 0 => {
            let name = bare();
            let (word, rest) = name.split_once(' ').unwrap_or((&name, ""));
            format!("{word}({digits}) {rest}")
        }
        (1186, Some(modifier)) if modifier >= 0 && modifier & 0xffff != 0xffff => {
            format!("interval({})", modifier & 0xffff)
        }
        (1700, Some(modifier)) => PgType { oid, typmod: modifier }.sql_name(),
        _ => bare(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_every_name() {
        for (name, oid) in [
            ("int8", 20),
            ("bigint", 20),
            ("pg_catalog.int4", 23),
            ("numeric(18,2)", 1700),
            ("text[]", 1009),
            ("_text", 1009),
            ("timestamp with time zone", 1184),
            ("char", 1042),
            ("\"char\"", 18),
            ("name", 19),
        ] {
            assert_eq!(find_type(name), Some(oid), "{name}");
        }
        assert_eq!(find_type("nope"), None);
    }

    #[test]
    fn type_names_are_those_of_format_type() {
        // SELECT format_type(oid, modifier) on PostgreSQL 15.
        for (oid, modifier, name) in [
            (1700, Some(1_179_654), "numeric(18,2)"),
            (1700, None, "numeric"),
            (1231, Some(1_179_654), "numeric(18,2)[]"),
            (1043, Some(14), "character varying(10)"),
            (1042, Some(-1), "bpchar"),
            (1042, None, "character"),
            (18, None, "\"char\""),
            (1114, Some(3), "timestamp(3) without time zone"),
            (22, Some(-1), "int2vector"),
            (1034, None, "aclitem[]"),
            (0, None, "-"),
            (999_999, None, "???"),
        ] {
            assert_eq!(type_name(oid, modifier), name);
        }
    }
}
