-- source: postgresql-interfaces/psqlodbc info.c
-- gives: [[null, null, null]]
select NULL, NULL, NULL;
-- gives: [["f"], ["m"], ["p"], ["r"], ["v"]]
select relkind from (select 'r' as relkind union select 'v' union select 'm' union select 'f' union select 'p') as a order by 1;
-- has: ["public", "regulars"]
select NULL, nspname, NULL from pg_catalog.pg_namespace n where true and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') order by nspname;
-- has: ["members", "gold", "gold_list"]
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and has_table_privilege(c.oid, 'select') and n.oid = relnamespace order by nspname, relname;
-- gives: [["gold", "public", "v"]]
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname like E'public' and relname like E'gold' and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname;
-- after: postgresql-interfaces/psqlodbc info.c
-- gives: [["public", "gold", "member_id", 25, "text", 1, -1, false, null], ["public", "gold", "loyalty_points", 20, "int8", 2, -1, false, null]]
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.atttypmod, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname operator(pg_catalog.=) E'gold' and n.nspname operator(pg_catalog.=) E'public') inner join pg_catalog.pg_attribute a on not a.attisdropped and a.attnum operator(pg_catalog.>) 0 and a.attrelid operator(pg_catalog.=) c.oid) inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_catalog.pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum order by n.nspname, c.relname, a.attnum;
-- gives: []
select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i, pg_catalog.pg_namespace n, pg_catalog.pg_class ic where tc.relname operator(pg_catalog.=) 'gold' and n.nspname operator(pg_catalog.=) 'public' and tc.oid operator(pg_catalog.=) i.indrelid and n.oid operator(pg_catalog.=) tc.relnamespace and i.indisprimary operator(pg_catalog.=) 't' and ia.attrelid operator(pg_catalog.=) i.indexrelid and ta.attrelid operator(pg_catalog.=) i.indrelid and ta.attnum operator(pg_catalog.=) i.indkey[ia.attnum - 1] and not ta.attisdropped and not ia.attisdropped and ic.oid operator(pg_catalog.=) i.indexrelid order by ia.attnum;
-- gives: []
select c.relname, i.indkey, i.indisunique, i.indisclustered, a.amname, c.relhasrules, n.nspname, c.oid, i.indoption from pg_catalog.pg_index i, pg_catalog.pg_class c, pg_catalog.pg_class d, pg_catalog.pg_am a, pg_catalog.pg_namespace n where d.relname = 'gold' and n.nspname = 'public' and n.oid = d.relnamespace and d.oid = i.indrelid and i.indexrelid = c.oid and c.relam = a.oid order by i.indisprimary desc, i.indisunique, n.nspname, c.relname;
-- gives: [["gold", "ada"]]
select c.relname, u.usename from pg_catalog.pg_namespace n, pg_catalog.pg_class c, pg_catalog.pg_user u where n.nspname like 'public' and c.relname like 'gold' and n.oid = c.relnamespace and c.relkind in ('r', 'v') and u.usesysid = c.relowner;
-- has: ["lower"]
select p.proname, p.proretset, p.prorettype, p.pronargs, p.proargtypes, n.nspname, p.oid from pg_catalog.pg_namespace n, pg_catalog.pg_proc p where p.pronamespace = n.oid and p.proname like 'lower' order by n.nspname, p.proname, p.oid;
-- gives: []
select oid, typbasetype from pg_type where typname = 'lo';
-- gives: null
BEGIN;
-- gives: null
SAVEPOINT _EXEC_SVP_0x1;
-- gives: [["abroad"], ["lunch"]]
SELECT "member_id" FROM "public"."gold" ORDER BY 1;
-- gives: null
RELEASE _EXEC_SVP_0x1;
-- gives: null
SAVEPOINT _EXEC_SVP_0x2;
-- fails: 42703
SELECT nothing FROM gold;
-- gives: null
ROLLBACK TO _EXEC_SVP_0x2;
-- gives: null
RELEASE _EXEC_SVP_0x2;
-- gives: null
COMMIT;
