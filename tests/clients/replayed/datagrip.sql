-- after: datafusion-contrib/datafusion-postgres issue 165
-- gives: null
SET extra_float_digits = 3;
-- gives: null
SET application_name = '';
-- has: ["PostgreSQL 16.0 (Regulars 0.1.0) on x86_64-linux, 64-bit"]
select version();
-- gives: null
SET application_name = 'DataGrip 2025.2.3';
-- gives: [["regulars", ["public"]]]
select current_database() as a, current_schemas(false) as b;
-- gives: [["read committed"]]
SHOW TRANSACTION ISOLATION LEVEL;
-- gives: [["regulars", "public", "ada"]]
select current_database(), current_schema(), current_user;
-- gives: [[true]]
select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user;
-- gives: [[false]]
select pg_catalog.pg_is_in_recovery() as recovering;
-- has: ["regulars", "ada"]
select d.oid::bigint as number, d.datname as name, d.datistemplate, d.datallowconn, pg_catalog.pg_get_userbyid(d.datdba) as owner from pg_catalog.pg_database d where not d.datistemplate order by case when d.datname = pg_catalog.current_database() then -1::bigint else d.oid::bigint end;
-- after: risingwavelabs/risingwave issue 14224
-- has: ["public", "pg_catalog", "regulars", "ada"]
select s.oid::bigint as number, s.xmin as state, s.nspname as name, d.description, pg_catalog.pg_get_userbyid(s.nspowner) as owner from pg_catalog.pg_namespace s left join pg_catalog.pg_description d on d.objoid = s.oid order by case when s.nspname = pg_catalog.current_schema() then -1::bigint else s.oid::bigint end;
-- after: risingwavelabs/risingwave issue 12021
-- gives: [["public"]]
select nspname from pg_catalog.pg_namespace s where s.nspname = pg_catalog.current_schema() and s.xmin is not null;
-- after: yugabyte/yugabyte-db issue 9328, the kinds of objects that its introspection lists
-- has: ["gold", "v", "gold_list", "m", "members", "r"]
select t.relkind as kind, t.relname as name, t.oid::bigint as number, t.xmin as state, t.relpersistence, pg_catalog.pg_get_userbyid(t.relowner) as owner from pg_catalog.pg_class t where t.relnamespace = 'public'::regnamespace::oid and t.relkind in ('r', 'm', 'v', 'f', 'p') order by t.relkind, t.oid;
-- gives: [["gold", 1, "member_id", "text", false, null], ["gold", 2, "loyalty_points", "bigint", false, null]]
select t.relname, a.attnum as place, a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) as initial from pg_catalog.pg_attribute a join pg_catalog.pg_class t on t.oid = a.attrelid left join pg_catalog.pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum where t.relname = 'gold' and a.attnum > 0 and not a.attisdropped order by a.attnum;
-- gives: [["gold", 0, "Gold members"], ["gold", 1, "who"]]
select t.relname, d.objsubid, d.description from pg_catalog.pg_class t join pg_catalog.pg_description d on d.objoid = t.oid and d.classoid = 'pg_catalog.pg_class'::regclass where t.oid = 'public.gold'::regclass order by t.relname, d.objsubid;
-- has: ["gold"]
select t.relname, pg_catalog.pg_get_viewdef(t.oid, true) as source from pg_catalog.pg_class t where t.relkind in ('v', 'm') and t.relnamespace = 'public'::regnamespace order by 1;
-- gives: [["gold_list", "gold"]]
select distinct up.relname, down.relname from pg_catalog.pg_depend d join pg_catalog.pg_rewrite r on r.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass join pg_catalog.pg_class up on up.oid = r.ev_class join pg_catalog.pg_class down on down.oid = d.refobjid and d.refclassid = 'pg_catalog.pg_class'::regclass where up.oid <> down.oid and down.relname = 'gold';
-- same
select t.oid::bigint, t.typname, t.typtype, t.typcategory, t.typelem::bigint, t.typbasetype::bigint, t.typnotnull from pg_catalog.pg_type t where t.typname in ('bool', 'int8', '_int8', 'numeric', 'timestamptz') order by t.oid;
-- same
select l.oid::bigint, l.lanname, l.lanpltrusted from pg_catalog.pg_language l where l.lanname in ('internal', 'sql') order by l.oid;
-- same
select a.oid::bigint, a.amname, a.amtype from pg_catalog.pg_am a where a.amname = 'heap';
-- gives: []
select e.extname, e.extversion from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where n.nspname = 'public' order by e.extname;
-- has: ["ada"]
select r.oid::bigint, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolconnlimit, r.rolvaliduntil, r.rolbypassrls, pg_catalog.shobj_description(r.oid, 'pg_authid') from pg_catalog.pg_roles r order by r.rolname;
-- gives: []
select m.roleid::bigint, m.member::bigint, m.admin_option from pg_catalog.pg_auth_members m where m.member = (select oid from pg_catalog.pg_roles where rolname = current_user) and m.admin_option order by 1, 2;
-- gives: []
select s.relname, q.seqstart, q.seqincrement from pg_catalog.pg_sequence q join pg_catalog.pg_class s on s.oid = q.seqrelid;
-- gives: []
select t.tgname from pg_catalog.pg_trigger t where t.tgrelid = 'public.members'::regclass and not t.tgisinternal;
-- gives: []
select c.conname, c.contype, c.conkey, c.confrelid::bigint, pg_catalog.pg_get_constraintdef(c.oid) from pg_catalog.pg_constraint c where c.conrelid = 'public.gold'::regclass;
-- gives: []
select i.indexrelid::bigint, i.indisunique, i.indkey from pg_catalog.pg_index i where i.indrelid = 'public.gold_list'::regclass;
-- has: ["UTC"]
select name from pg_catalog.pg_timezone_names where name = 'UTC';
-- has: ["abroad", "lunch"]
select "member_id" from "public"."gold" t limit 501;
-- after: MaterializeInc/materialize issue 9720, the relations and columns that its introspection reads
-- same
select a.aggkind, a.aggnumdirectargs, pg_catalog.format_type(p.prorettype, null) as gives from pg_catalog.pg_aggregate a join pg_catalog.pg_proc p on p.oid = a.aggfnoid where p.proname = 'bool_and';
-- same
select w.rulename, w.xmin is not null as has_state from pg_catalog.pg_rewrite w where w.ev_class = 'public.gold'::regclass;
-- gives: [["members", 0], ["purchases", 0]]
select t.relname, t.reltablespace::bigint as space from pg_catalog.pg_class t where t.relname in ('members', 'purchases') order by t.relname;
-- same
select s.spcname from pg_catalog.pg_tablespace s where s.oid = 1663;
-- same
select p.proname, p.proargdefaults is null as none, p.pronamespace::bigint as space from pg_catalog.pg_proc p where p.proname = 'bool_or';
-- after: risingwavelabs/risingwave issue 23133
-- gives: [["ada", null]]
select r.rolname, r.rolconfig from pg_catalog.pg_roles r where r.rolname = current_user;
-- after: cube-js/cube issue 7714
-- gives: [[true]]
select round(extract(epoch from pg_catalog.pg_postmaster_start_time() at time zone 'UTC')) > 1700000000 as started;
