-- source: grafana/grafana public/app/plugins/datasource/grafana-postgresql-datasource/postgresMetaQuery.ts
-- gives: [[1600]]
SELECT current_setting('server_version_num')::int/100 as version;
-- gives: []
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';
-- gives: [["public"], ["regulars"]]
SELECT schema_name AS "name" FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_cache') ORDER BY schema_name;
-- gives: [["business_customers"], ["consents"], ["gold"], ["loyalty_levels"], ["member_levels"], ["members"], ["products"], ["purchase_lines"], ["purchases"], ["stores"]]
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) = 'public' ORDER BY 1;
-- gives: [["members"]]
SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1)) as i, string_to_array(current_setting('search_path'),',') s) THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog') AND table_name = 'members';
-- gives: [["member_id", "text"], ["loyalty_points", "bigint"]]
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE CASE WHEN array_length(parse_ident('gold'),1) = 2 THEN quote_ident(table_schema) = (parse_ident('gold'))[1] AND quote_ident(table_name) = (parse_ident('gold'))[2] ELSE quote_ident(table_name) = 'gold' AND quote_ident(table_schema) IN ('public') END;
-- after: grafana/grafana pkg/tsdb/grafana-postgresql-datasource/macros.go
-- same
SELECT floor(extract(epoch from purchased_at)/86400)*86400 AS "time", count(*) AS value FROM purchases WHERE purchased_at BETWEEN '2020-01-01T00:00:00Z' AND '2030-01-01T00:00:00Z' GROUP BY 1 ORDER BY 1;
-- same
SELECT extract(epoch from purchased_at) as "time", 1 AS value FROM purchases WHERE extract(epoch from purchased_at) >= 1577836800 AND extract(epoch from purchased_at) <= 1893456000 LIMIT 100;
-- gives: [[2]]
SELECT COUNT(member_id) AS members FROM gold LIMIT 50;
