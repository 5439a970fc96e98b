//! What is rewritten, into what; and that everything else stays as it is.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{RegResolver, rewrite};
use crate::error::{Result, message};
use crate::pg_type::Oid;

/// Knows one object of each kind.
struct One;

impl RegResolver for One {
    fn class(&self, name: &str) -> Result<Oid> {
        if name == "members" || name == "public.members" { Ok(16_384) } else { Err(message::relation_unknown(name)) }
    }

    fn type_(&self, name: &str) -> Result<Oid> {
        if name == "int8" { Ok(20) } else { Err(message::type_unknown(name)) }
    }

    fn namespace(&self, name: &str) -> Result<Oid> {
        if name == "public" { Ok(2200) } else { Err(message::schema_unknown(name)) }
    }

    fn role(&self, name: &str) -> Result<Oid> {
        if name == "anna" { Ok(10) } else { Err(message::role_unknown(name)) }
    }
}

fn rewritten(sql: &str) -> Result<String> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect(sql);
    let mut statement = statements.remove(0);
    rewrite(&mut statement, &One)?;
    Ok(statement.to_string())
}

fn becomes(sql: &str, expected: &str) {
    assert_eq!(rewritten(sql).expect(sql), expected, "{sql}");
}

#[test]
fn ordinary_sql_stays_as_it_is() {
    for sql in [
        "SELECT member_id, count(*) FROM purchases WHERE amount > 100 GROUP BY member_id HAVING count(*) > 2",
        "SELECT a, a FROM t WHERE x = ANY(ARRAY[1, 2]) AND y IN (SELECT z FROM u WHERE u.k = t.k)",
        "SELECT CAST(x AS TEXT), x::BIGINT, '1'::INT, name = 'x' FROM t ORDER BY 1 DESC NULLS LAST LIMIT 3",
        "WITH w AS (SELECT 1 AS n) SELECT * FROM w CROSS JOIN UNNEST(ARRAY[1]) AS u (i) WHERE EXISTS (SELECT 1 FROM t)",
        "SELECT current_user, \"current_schema\", CASE WHEN a THEN 'x' END FROM t AS x LEFT JOIN u ON x.a = u.a",
        "SELECT sum(x) OVER (PARTITION BY y ORDER BY z) FROM crm.gold UNION ALL SELECT 1",
        "CREATE VIEW v AS SELECT member_id FROM members WHERE joined_on > DATE '2025-01-01'",
    ] {
        becomes(sql, sql);
    }
}

#[test]
fn operators_lose_their_schema() {
    becomes("SELECT a OPERATOR(pg_catalog.~) '^x$' COLLATE pg_catalog.default", "SELECT a ~ '^x$'");
    becomes("SELECT a operator(pg_catalog.=) b", "SELECT a = b");
    becomes("SELECT a COLLATE \"C\", b COLLATE \"sv_SE\"", "SELECT a, b COLLATE \"sv_SE\"");
}

#[test]
fn time_zones_are_calls() {
    becomes(
        "SELECT a AT TIME ZONE 'UTC' AT TIME ZONE s.zone FROM s",
        "SELECT timezone(s.zone, timezone('UTC', a)) FROM s",
    );
}

#[test]
fn names_become_oids_and_oids_names() {
    becomes(
        "SELECT 1 WHERE a = 'members'::regclass AND b = '17'::pg_catalog.regclass",
        "SELECT 1 WHERE a = CAST(16384 AS INT UNSIGNED) AND b = regclass_in('17')",
    );
    becomes("SELECT 'int8'::regtype::oid", "SELECT CAST(20 AS INT UNSIGNED)::INT UNSIGNED");
    becomes("SELECT 1 WHERE $1::regclass = oid", "SELECT 1 WHERE regclass_in(CAST($1 AS TEXT)) = oid");
    becomes("SELECT x::pg_catalog.regtype::pg_catalog.text AS t", "SELECT regtype_name(x) AS t");
    becomes("SELECT c.oid::pg_catalog.regclass FROM c", "SELECT regclass_name(c.oid) FROM c");
    becomes("SELECT 'members'::regclass", "SELECT regclass_name('members')");
    becomes(
        "SELECT 1 FROM (SELECT 'public'::regnamespace, 'anna'::regrole, 'boolin'::regproc) AS q",
        "SELECT 1 FROM (SELECT CAST(2200 AS INT UNSIGNED), CAST(10 AS INT UNSIGNED), regproc_in('boolin')) AS q",
    );
    let error = rewritten("SELECT * FROM c WHERE c.oid = 'nope'::regclass").unwrap_err();
    assert_eq!((error.state().code(), error.message()), ("42P01", "relation \"nope\" does not exist"));
}

#[test]
fn types_of_the_catalog_are_plain_types() {
    becomes(
        "SELECT a::oid, b::name, c::\"char\", d::pg_catalog.int2[], CAST(e AS pg_catalog.numeric(10,2))",
        "SELECT a::INT UNSIGNED, b::TEXT, c::TEXT, d::SMALLINT[], CAST(e AS NUMERIC(10,2))",
    );
}

#[test]
fn functions_lose_their_schema_and_get_parentheses() {
    becomes("SELECT pg_catalog.format_type(t, -1), current_schema", "SELECT format_type(t, -1), current_schema()");
    becomes("SELECT x FROM pg_catalog.unnest(a) x", "SELECT x FROM UNNEST(a) x");
    becomes("SELECT name FROM pg_catalog.pg_timezone_names()", "SELECT name FROM pg_timezone_names");
}

#[test]
fn the_table_of_a_row_is_known_from_its_alias() {
    becomes(
        "SELECT m.tableoid AS t FROM public.members AS m JOIN d ON d.classoid = m.tableoid WHERE x.tableoid = 1",
        "SELECT CAST(16384 AS INT UNSIGNED) AS t FROM public.members AS m JOIN d ON d.classoid = CAST(16384 AS INT UNSIGNED) \
         WHERE x.tableoid = 1",
    );
}

#[test]
fn lists_are_arrays() {
    becomes(
        "SELECT a = ANY ('{b,\"c d\",NULL}'::text[])",
        "SELECT a = ANY(ARRAY['b'::TEXT, 'c d'::TEXT, NULL::TEXT]::TEXT[])",
    );
    becomes("SELECT a = ANY ('{1}')", "SELECT a = ANY(ARRAY['1'])");
    becomes("SELECT r <> '{0}', '{' || a", "SELECT array_text(r) <> '{0}', '{' || a");
}

#[test]
fn arrays_over_queries_are_aggregates() {
    becomes(
        "SELECT ARRAY(SELECT r.n FROM r WHERE r.o = ANY (p.l) ORDER BY 1)",
        "SELECT array_or_empty((SELECT array_agg(r.n ORDER BY r.n) FROM r WHERE r.o = ANY(p.l)))",
    );
    becomes(
        "SELECT ARRAY(SELECT DISTINCT n FROM r ORDER BY 1 LIMIT 2)",
        "SELECT array_or_empty((SELECT array_agg(list.item ORDER BY list.item) \
         FROM (SELECT DISTINCT n FROM r ORDER BY 1 LIMIT 2) AS list (item)))",
    );
}

#[test]
fn subscripts_are_membership() {
    becomes(
        "SELECT string_agg(n, ', ') FROM pg_catalog.generate_series(0, pg_catalog.array_upper(p.l::pg_catalog.int2[], 1)) s, \
         a WHERE a.r = p.r AND a.k = l[s]",
        "SELECT string_agg(n, ', ') FROM a WHERE a.r = p.r AND a.k = ANY(p.l)",
    );
}

#[test]
fn repeated_literals_are_told_apart() {
    becomes("SELECT a, NULL, NULL", "SELECT a, NULL, NULL AS \"?column?:3\"");
}
