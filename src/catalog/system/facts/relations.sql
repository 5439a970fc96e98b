-- Writes relations.txt from a fresh PostgreSQL 15: psql -XAtq -f relations.sql > relations.txt
-- Per relation a line `schema.name oid kind`, then per column ` name type [!]` (`!`: never NULL).
-- Domains stand as their base type. What PostgreSQL 16 added to these relations is listed in `added`.
WITH added(relname, after, attname, typname, required, place) AS (VALUES
  ('pg_auth_members', 0, 'oid', 'oid', true, 1),
  ('pg_auth_members', 4, 'inherit_option', 'bool', true, 1),
  ('pg_auth_members', 4, 'set_option', 'bool', true, 2),
  ('pg_collation', 10, 'collicurules', 'text', false, 1),
  ('pg_database', 14, 'daticurules', 'text', false, 1),
  ('pg_prepared_statements', 4, 'result_types', '_regtype', false, 1),
  ('pg_subscription', 9, 'subpasswordrequired', 'bool', true, 1),
  ('pg_subscription', 9, 'subrunasowner', 'bool', true, 2),
  ('pg_subscription', 13, 'suborigin', 'text', false, 1),
  ('pg_stat_all_tables', 4, 'last_seq_scan', 'timestamptz', false, 1),
  ('pg_stat_all_tables', 6, 'last_idx_scan', 'timestamptz', false, 1),
  ('pg_stat_all_tables', 11, 'n_tup_newpage_upd', 'int8', false, 1),
  ('pg_stat_user_tables', 4, 'last_seq_scan', 'timestamptz', false, 1),
  ('pg_stat_user_tables', 6, 'last_idx_scan', 'timestamptz', false, 1),
  ('pg_stat_user_tables', 11, 'n_tup_newpage_upd', 'int8', false, 1),
  ('pg_stat_sys_tables', 4, 'last_seq_scan', 'timestamptz', false, 1),
  ('pg_stat_sys_tables', 6, 'last_idx_scan', 'timestamptz', false, 1),
  ('pg_stat_sys_tables', 11, 'n_tup_newpage_upd', 'int8', false, 1),
  ('pg_stat_all_indexes', 6, 'last_idx_scan', 'timestamptz', false, 1),
  ('pg_stat_user_indexes', 6, 'last_idx_scan', 'timestamptz', false, 1),
  ('pg_stat_sys_indexes', 6, 'last_idx_scan', 'timestamptz', false, 1)),
relations AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v') AND c.oid < 16384
    AND n.nspname IN ('pg_catalog', 'information_schema')),
columns AS (
  SELECT r.nspname, r.relname, a.attnum::int AS position, 0 AS place, a.attname::text,
         CASE WHEN t.typname = '_pg_statistic' THEN '_text' ELSE coalesce(b.typname, t.typname)::text END AS typname,
         a.attnotnull
  FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)
  UNION ALL
  SELECT 'pg_catalog', relname, after, place, attname, typname, required FROM added)
SELECT line FROM (
  SELECT nspname, relname, -1 AS position, 0 AS place, nspname || '.' || relname || ' ' || oid || ' ' || relkind::text AS line FROM relations
  UNION ALL
  SELECT nspname, relname, position, place, ' ' || attname || ' ' || typname || CASE WHEN attnotnull THEN ' !' ELSE '' END FROM columns
) lines ORDER BY nspname DESC, relname, position, place;
