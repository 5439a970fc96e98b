-- source: datafusion-contrib/datafusion-postgres datafusion-postgres/tests/metabase.rs
-- gives: null
SET extra_float_digits = 2;
-- gives: null
SET application_name = 'Metabase v0.55.1 [f8f63fdf-d8f8-4573-86ea-4fe4a9548041]';
-- gives: [["read committed"]]
SHOW TRANSACTION ISOLATION LEVEL;
-- gives: null
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
-- gives: null
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
-- has: ["public", "regulars"]
SELECT nspname AS "TABLE_SCHEM", current_database() AS "TABLE_CATALOG" FROM pg_catalog.pg_namespace WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1]) AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_')) ORDER BY "TABLE_SCHEM";
-- has: ["members", "gold", "gold_list"]
with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') as update, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'select') as select, pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'delete') as delete from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_catalog.pg_views union select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) select t.* from table_privileges t;
-- has: ["members", "TABLE", "gold", "VIEW", "gold_list", "MATERIALIZED VIEW", "Gold members"]
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count" FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = '0') AND ("d"."classoid" = 'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('public')) ORDER BY "type" ASC, "schema" ASC, "name" ASC;
-- gives: [["UTC"]]
show timezone;
-- source: metabase/metabase src/metabase/driver/postgres.clj
-- gives: []
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e);
-- gives: [["member_id", "text", 0, "who", false], ["loyalty_points", "int8", 1, null, false]]
SELECT c.column_name AS name, CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN FORMAT('%s', c.udt_name) ELSE FORMAT('"%s"."%s"', c.udt_schema, c.udt_name) END AS "database-type", c.ordinal_position - 1 AS "database-position", COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST(c.table_schema AS TEXT), CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID), c.ordinal_position) AS "field-comment", ((column_default IS NOT NULL) AND (column_default LIKE '%nextval(%')) OR (is_identity <> 'NO') AS "database-is-auto-increment" FROM information_schema.columns AS c WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_name IN ('gold') ORDER BY c.ordinal_position;
-- after: metabase/metabase src/metabase/driver/postgres.clj
-- gives: null
SET SESSION TIMEZONE TO 'Europe/Stockholm';
-- gives: [["Europe/Stockholm"]]
SHOW TIME ZONE;
-- gives: []
SELECT fn.nspname, f.relname, p.relname FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace JOIN pg_class p ON p.oid = c.confrelid WHERE c.contype = 'f' AND f.relname = 'gold' ORDER BY 1, 2;
-- same
SELECT CAST(DATE_TRUNC('week', ("public"."purchases"."purchased_at" + INTERVAL '1 day')) AS date) + INTERVAL '-1 day' AS "purchased_at", COUNT(*) AS "count" FROM "public"."purchases" GROUP BY 1 ORDER BY 1 ASC;
-- same
SELECT date_trunc('month', "public"."purchases"."purchased_at" AT TIME ZONE 'Europe/Stockholm') AS "month", count(*) AS "count" FROM "public"."purchases" GROUP BY 1 ORDER BY 1;
-- after: metabase/metabase src/metabase/driver/sql_jdbc/sync/describe_database.clj
-- gives: []
SELECT TRUE AS "_" FROM "public"."gold" WHERE 1 <> 1 LIMIT 0;
-- gives: null
SET SESSION TIMEZONE TO 'UTC';
-- after: metabase/metabase src/metabase/db/metadata_queries.clj at 00dc9a97, table-rows-sample-query
-- gives: [["abroad"], ["lunch"]]
SELECT SUBSTRING("public"."gold"."member_id", 1, 1234) AS "substring1" FROM "public"."gold" ORDER BY 1 LIMIT 10000;
