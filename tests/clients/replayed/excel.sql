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
