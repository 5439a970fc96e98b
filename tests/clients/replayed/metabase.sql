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
