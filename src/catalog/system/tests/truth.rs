//! The relations agree with each other, and the functions with PostgreSQL.

use datafusion::common::ScalarValue;

use super::world::{GOLD, LUNCH, MEMBERS, ask, system};
use crate::catalog::system::relations;

async fn lines(sql: &str) -> Vec<String> {
    ask(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}")).lines()
}

#[test]
fn every_relation_gives_rows_of_its_shape() {
    let context = system();
    for relation in relations() {
        let rows = relation.rows(&context).unwrap_or_else(|error| panic!("{}: {error}", relation.name()));
        assert_eq!(rows.schema(), relation.schema());
        assert_eq!(relation.columns().len(), relation.schema().fields().len());
    }
}

#[tokio::test]
async fn references_between_catalogs_hold() {
    for (what, sql) in [
        ("schema", "SELECT relname FROM pg_class LEFT JOIN pg_namespace n ON n.oid = relnamespace WHERE n.oid IS NULL"),
        ("owner", "SELECT relname FROM pg_class LEFT JOIN pg_roles r ON r.oid = relowner WHERE r.oid IS NULL"),
        ("relation", "SELECT attname FROM pg_attribute LEFT JOIN pg_class c ON c.oid = attrelid WHERE c.oid IS NULL"),
        ("type", "SELECT attname FROM pg_attribute LEFT JOIN pg_type t ON t.oid = atttypid WHERE t.oid IS NULL"),
        (
            "natts",
            "SELECT relname FROM pg_class WHERE relnatts <> (SELECT count(*) FROM pg_attribute WHERE attrelid = pg_class.oid)",
        ),
        (
            "array",
            "SELECT t.typname FROM pg_type t LEFT JOIN pg_type a ON a.oid = t.typarray AND a.typelem = t.oid WHERE t.typarray <> 0 AND a.oid IS NULL",
        ),
        ("input", "SELECT typname FROM pg_type LEFT JOIN pg_proc p ON p.oid = typinput WHERE p.oid IS NULL"),
        ("result", "SELECT proname FROM pg_proc LEFT JOIN pg_type t ON t.oid = prorettype WHERE t.oid IS NULL"),
        (
            "rule",
            "SELECT relname FROM pg_class c LEFT JOIN pg_rewrite r ON r.ev_class = c.oid WHERE relkind = 'v' AND r.oid IS NULL",
        ),
        (
            "described",
            "SELECT description FROM pg_description LEFT JOIN pg_class c ON c.oid = objoid LEFT JOIN pg_namespace n ON n.oid = objoid WHERE c.oid IS NULL AND n.oid IS NULL",
        ),
    ] {
        assert_eq!(lines(sql).await, [""; 0], "{what}");
    }
}

#[tokio::test]
async fn dependencies_are_found_as_others_look_for_them() {
    // What a view reads, by way of its rule.
    let sql = format!(
        "SELECT DISTINCT d.refobjid::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid \
         WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n' \
         AND r.ev_class = {LUNCH} AND d.refobjid <> r.ev_class ORDER BY 1"
    );
    assert_eq!(lines(&sql).await, ["members", "purchases"]);
    let sql = format!("SELECT objid FROM pg_depend WHERE refobjid = {LUNCH} AND objid <> {LUNCH}");
    assert_eq!(lines(&sql).await, [GOLD.to_string()]);
}

#[tokio::test]
async fn a_table_that_is_not_configured_is_not_there() {
    assert_eq!(lines("SELECT count(*) FROM pg_class WHERE relname = 'gone'").await, ["0"]);
    assert_eq!(lines("SELECT to_regclass('gone')").await, ["∅"]);
}

#[tokio::test]
async fn information_schema_says_what_pg_catalog_says() {
    assert_eq!(
        lines("SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema IN ('public', 'crm') ORDER BY 1, 2").await,
        ["crm|gold|VIEW", "public|lunch|VIEW", "public|members|BASE TABLE", "public|purchases|BASE TABLE"]
    );
    assert_eq!(
        lines("SELECT column_name, ordinal_position, data_type, numeric_precision, numeric_scale, datetime_precision, udt_name FROM information_schema.columns WHERE table_name = 'members' ORDER BY 2").await,
        [
            "member_id|1|bigint|64|0|∅|int8",
            "name|2|text|∅|∅|∅|text",
            "birthday|3|date|∅|∅|0|date",
            "balance|4|numeric|18|2|∅|numeric",
            "joined|5|timestamp with time zone|∅|∅|6|timestamptz",
        ]
    );
    assert_eq!(
        lines("SELECT table_schema, view_definition FROM information_schema.views WHERE table_name = 'gold'").await,
        ["crm|SELECT * FROM lunch;"]
    );
    assert_eq!(
        lines("SELECT schema_name FROM information_schema.schemata ORDER BY 1").await,
        ["crm", "information_schema", "pg_catalog", "public", "regulars"]
    );
}

#[tokio::test]
async fn functions_answer_as_postgresql_does() {
    for (sql, expected) in [
        // Expected: SELECT … on PostgreSQL 15 over the same catalog; names of user and database are ours.
        (
            "SELECT current_user, session_user, user, current_role, current_catalog, current_database()",
            "anna|anna|anna|anna|regulars|regulars",
        ),
        (
            "SELECT current_schema, current_schemas(true), current_schemas(false)",
            "public|[pg_catalog, public]|[public]",
        ),
        ("SELECT version() LIKE 'PostgreSQL 16%', pg_backend_pid(), pg_is_in_recovery()", "true|4711|false"),
        (
            "SELECT 'members'::regclass, 'crm.gold'::regclass, 0::regclass, 999999::regclass",
            "members|crm.gold|-|999999",
        ),
        (
            "SELECT 'int8'::regtype, 'character varying(10)'::regtype, 'public'::regnamespace, 'boolin'::regproc",
            "bigint|character varying|public|boolin",
        ),
        ("SELECT to_regclass('nope'), to_regtype('int4')::text, to_regnamespace('crm') IS NOT NULL", "∅|integer|true"),
        (
            "SELECT pg_table_is_visible('members'::regclass), pg_table_is_visible('crm.gold'::regclass), pg_table_is_visible(999999)",
            "true|false|∅",
        ),
        (
            "SELECT format_type(1700, 1179654), format_type(NULL, NULL), format_type(999999, -1), format_type(1043, 14)",
            "numeric(18,2)|∅|???|character varying(10)",
        ),
        (
            "SELECT obj_description('lunch'::regclass), obj_description('lunch'::regclass, 'pg_class'), col_description('lunch'::regclass, 1), col_description('lunch'::regclass, 9), obj_description('lunch'::regclass, 'pg_proc')",
            "Lunch guests|Lunch guests|who|∅|∅",
        ),
        (
            "SELECT quote_ident('Order'), quote_literal('it''s'), quote_literal(E'a\\\\b'), quote_nullable(NULL), quote_literal(1)",
            "\"Order\"|'it''s'|E'a\\\\b'|NULL|'1'",
        ),
        (
            "SELECT pg_get_userbyid(10), pg_get_userbyid(77), pg_encoding_to_char(6), pg_encoding_to_char(99)",
            "anna|unknown (OID=77)|UTF8|",
        ),
        (
            "SELECT has_table_privilege('members', 'SELECT'), has_table_privilege('anna', 'members', 'select, insert'), has_table_privilege(999999, 'SELECT'), has_schema_privilege('public', 'USAGE'), has_database_privilege('regulars', 'connect')",
            "true|true|∅|true|true",
        ),
        ("SELECT current_setting('search_path'), current_setting('nope', true)", "\"$user\", public|∅"),
        (
            "SELECT array_upper(ARRAY[1,2,3], 1), array_upper(ARRAY[1], 2), array_text(ARRAY['a b', NULL, 'c'])",
            "3|∅|{\"a b\",NULL,c}",
        ),
        ("SELECT format('%s.%I is %L, %%', 'a', 'B', 'it''s')", "a.\"B\" is 'it''s', %"),
        (
            "SELECT pg_size_pretty(123456789), pg_relation_size('lunch'), pg_get_serial_sequence('members', 'member_id')",
            "118 MB|0|∅",
        ),
        (
            "SELECT 'x' = ANY ('{x,y}'::text[]), 1 OPERATOR(pg_catalog.=) 1, ARRAY(SELECT nspname FROM pg_namespace WHERE nspname = 'none')",
            "true|true|[]",
        ),
        ("SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'members')", "true"),
        ("SELECT conname, c.tableoid FROM (VALUES (1)) v (x) LEFT JOIN pg_constraint c ON true", "∅|2606"),
    ] {
        assert_eq!(lines(sql).await, [expected], "{sql}");
    }
}

/// What drivers ask when they connect or look around.
#[tokio::test]
async fn questions_of_drivers_are_answered() {
    for (who, sql, expected) in [
        (
            "pgjdbc, getTables",
            "SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, \
             CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' WHEN true THEN 'SYSTEM' ELSE \
             CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END END AS TABLE_TYPE, \
             d.description AS REMARKS FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c \
             LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass) \
             WHERE c.relnamespace = n.oid AND n.nspname LIKE 'public' AND c.relkind IN ('r','v') ORDER BY TABLE_TYPE, TABLE_SCHEM, TABLE_NAME",
            &["∅|public|members|TABLE|∅", "∅|public|purchases|TABLE|∅", "∅|public|lunch|VIEW|Lunch guests"]
                as &[&str],
        ),
        (
            "SQLAlchemy, columns",
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
             (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d \
             WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) AS DEFAULT, a.attnotnull, \
             pgd.description AS comment FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_description pgd \
             ON (pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum) WHERE a.attrelid = 16393 AND a.attnum > 0 \
             AND NOT a.attisdropped ORDER BY a.attnum",
            &["member_id|bigint|∅|false|who", "name|text|∅|false|∅"],
        ),
        (
            "SQLAlchemy, primary keys",
            "SELECT a.attname FROM pg_catalog.pg_attribute a JOIN (SELECT unnest(ix.indkey) AS attnum, ix.indrelid \
             FROM pg_catalog.pg_index ix WHERE ix.indrelid = 16384 AND ix.indisprimary) k \
             ON a.attnum = k.attnum AND a.attrelid = k.indrelid",
            &[],
        ),
        (
            "Npgsql, types",
            "SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM ( \
             SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, \
             elemtyp.oid AS elemtypoid FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid, \
             CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype \
             FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) \
             LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ \
             LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemoid) AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace) \
             WHERE t.typname IN ('_int8', 'int8')  ORDER BY 2",
            &["pg_catalog|20|int8|b|false|∅", "pg_catalog|1016|_int8|a|false|20"],
        ),
        (
            "dbt, relations of a schema",
            "select 'regulars' as database, tablename as name, schemaname as schema, 'table' as type from pg_tables \
             where schemaname ilike 'public' union all select 'regulars' as database, viewname as name, schemaname as schema, \
             'view' as type from pg_views where schemaname ilike 'public' order by 2",
            &["regulars|lunch|public|view", "regulars|members|public|table", "regulars|purchases|public|table"],
        ),
        (
            "psycopg, type of a name",
            "SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter \
             FROM pg_type t WHERE t.oid = to_regtype('int8')",
            &["int8|20|1016|bigint|,"],
        ),
        (
            "Metabase, privileges",
            "with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table, \
             pg_catalog.has_any_column_privilege(current_user, '\"' || t.schemaname || '\"' || '.' || '\"' || t.objectname || '\"', 'select') as select \
             from (select schemaname, tablename as objectname from pg_catalog.pg_tables union \
             select schemaname, viewname as objectname from pg_catalog.pg_views union \
             select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t \
             where t.schemaname = 'crm' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) \
             select t.* from table_privileges t",
            &["∅|crm|gold|true"],
        ),
        (
            "Grafana, version and activity",
            "SELECT current_setting('search_path'), (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid = pg_backend_pid())",
            &["\"$user\", public|1"],
        ),
    ] {
        assert_eq!(lines(sql).await, expected, "{who}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_refused_as_in_postgresql() {
    for (sql, message) in [
        ("SELECT has_table_privilege('nope', 'SELECT')", "relation \"nope\" does not exist"),
        ("SELECT has_table_privilege('members', 'SELEC')", "unrecognized privilege type: \"SELEC\""),
        ("SELECT current_setting('nope')", "unrecognized configuration parameter \"nope\""),
        ("SELECT 1 WHERE 'nope'::regtype = 1", "type \"nope\" does not exist"),
        ("SELECT format('%s')", "too few arguments for format()"),
    ] {
        let error = ask(sql).await.expect_err(sql);
        assert!(error.contains(message), "{sql}: {error}");
    }
}

/// A function over an array gives what it gives for each of its scalars, and a slice gives a slice.
#[test]
fn scalars_and_arrays_give_the_same() {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, UInt32Array};
    use arrow::datatypes::{DataType, Field};
    use datafusion::config::ConfigOptions;
    use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

    let context = system();
    let column: ArrayRef = Arc::new(UInt32Array::from(vec![Some(MEMBERS), None, Some(LUNCH), Some(GOLD), Some(99)]));
    for name in ["pg_table_is_visible", "pg_get_viewdef", "regclass_name", "pg_relation_size", "obj_description"] {
        let function = crate::catalog::system::function(name, &context).unwrap();
        let given = function.inner().coerce_types(&[DataType::UInt32]).unwrap();
        let result = function.inner().return_type(&given).unwrap();
        let column = arrow::compute::cast(&column, &given[0]).unwrap();
        let call = |argument: ColumnarValue, rows| {
            function
                .inner()
                .invoke_with_args(ScalarFunctionArgs {
                    args: vec![argument],
                    arg_fields: vec![Field::new("a", given[0].clone(), true).into()],
                    number_rows: rows,
                    return_field: Field::new("r", result.clone(), true).into(),
                    config_options: Arc::new(ConfigOptions::new()),
                })
                .unwrap()
        };
        let whole = call(ColumnarValue::Array(Arc::clone(&column)), 5).into_array(5).unwrap();
        let part = call(ColumnarValue::Array(column.slice(1, 3)), 3).into_array(3).unwrap();
        assert_eq!(&whole.slice(1, 3), &part, "{name}");
        for row in 0..column.len() {
            let scalar = ScalarValue::try_from_array(&column, row).unwrap();
            let ColumnarValue::Scalar(scalar) = call(ColumnarValue::Scalar(scalar), 1) else { panic!("{name}") };
            assert_eq!(scalar, ScalarValue::try_from_array(&whole, row).unwrap(), "{name} {row}");
        }
    }
}
