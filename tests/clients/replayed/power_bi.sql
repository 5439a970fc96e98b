-- after: npgsql/npgsql src/Npgsql/PostgresDatabaseInfo.cs
-- same
SELECT s.nspname, t.oid, t.typname, CASE WHEN f.proname = 'array_recv' THEN 'a' ELSE t.typtype END AS kind, CASE WHEN f.proname = 'array_recv' THEN t.typelem WHEN t.typtype = 'r' THEN r.rngsubtype WHEN t.typtype = 'd' THEN t.typbasetype END AS inner_type FROM pg_type AS t JOIN pg_namespace AS s ON s.oid = t.typnamespace LEFT JOIN pg_proc AS f ON f.oid = t.typreceive LEFT JOIN pg_range AS r ON r.rngtypid = t.oid WHERE t.typname IN ('bool', '_bool', 'text', '_text', 'numeric', '_numeric', 'timestamptz', 'uuid', '_uuid', 'record', 'void') ORDER BY t.oid;
-- gives: []
SELECT t.oid, a.attname, a.atttypid FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace JOIN pg_class AS c ON c.oid = t.typrelid JOIN pg_attribute AS a ON a.attrelid = t.typrelid WHERE t.typtype = 'c' AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum;
-- gives: []
SELECT t.oid, e.enumlabel FROM pg_enum AS e JOIN pg_type AS t ON t.oid = e.enumtypid ORDER BY t.oid, e.enumsortorder;
-- after: datafusion-contrib/datafusion-postgres issue 218
-- has: ["gold", "VIEW", "members", "BASE TABLE"]
select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.tables where TABLE_SCHEMA not in ('information_schema', 'pg_catalog') order by TABLE_SCHEMA, TABLE_NAME;
-- gives: [["member_id", 1, "YES", "text"], ["loyalty_points", 2, "YES", "bigint"]]
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, case when data_type like '%unsigned%' then data_type || ' unsigned' else data_type end as DATA_TYPE from INFORMATION_SCHEMA.columns where TABLE_SCHEMA = 'public' and TABLE_NAME = 'gold' order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION;
-- gives: []
select i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME as INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION, case when i.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY from INFORMATION_SCHEMA.table_constraints i inner join INFORMATION_SCHEMA.key_column_usage ii on i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA and i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME and i.TABLE_SCHEMA = ii.TABLE_SCHEMA and i.TABLE_NAME = ii.TABLE_NAME where i.TABLE_SCHEMA = 'public' and i.TABLE_NAME = 'gold' and i.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE') order by 1, 2, 3;
-- has: ["UTF8"]
select character_set_name from INFORMATION_SCHEMA.character_sets;
-- gives: [["abroad"], ["lunch"]]
select "$Table"."member_id" as "member_id" from "public"."gold" "$Table" order by "$Table"."member_id" limit 1000;
-- gives: [[2]]
select count(1) as "a0" from (select "_"."member_id" from "public"."gold" "_") "rows" limit 1000001;
-- gives: [["abroad"], ["lunch"]]
select "rows"."member_id" as "member_id" from (select "member_id" from "public"."gold" "$Table") "rows" group by "member_id" order by 1;
