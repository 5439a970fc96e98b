-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreDatabase.java at 001f621c, its caches
-- has: ["ada"]
SELECT r.oid, r.* FROM pg_catalog.pg_roles r ORDER BY r.rolname;
-- same
SELECT a.oid, a.amname FROM pg_catalog.pg_am a WHERE a.amname = 'heap' ORDER BY a.oid;
-- same
SELECT l.oid, l.lanname FROM pg_catalog.pg_language l WHERE l.lanname IN ('internal', 'sql') ORDER BY l.oid;
-- gives: []
SELECT w.oid, w.* FROM pg_catalog.pg_foreign_data_wrapper w ORDER BY w.fdwname;
-- gives: []
SELECT s.oid, s.* FROM pg_catalog.pg_foreign_server s ORDER BY s.srvname;
-- has: ["pg_default"]
SELECT t.oid, t.*, pg_catalog.pg_tablespace_location(t.oid) AS place FROM pg_catalog.pg_tablespace t ORDER BY t.oid;
-- gives: []
SELECT v.contoencoding, pg_catalog.pg_encoding_to_char(v.contoencoding) AS charset FROM pg_catalog.pg_conversion v GROUP BY 1 ORDER BY 2;
-- has: ["regulars", "UTF8"]
SELECT d.datname, pg_catalog.pg_encoding_to_char(d.encoding) AS charset FROM pg_catalog.pg_database d WHERE d.datname = current_database();
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreEventTrigger.java at b2400748, what its objects are read from
-- gives: []
SELECT x.oid, x.* FROM pg_catalog.pg_event_trigger x ORDER BY x.evtname;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreSchema.java at 89f7317d, its caches
-- gives: []
SELECT c.oid, c.*, t.relname AS of_table, rt.relname AS to_table, d.description FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.conrelid LEFT JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass WHERE t.relname = 'gold' ORDER BY c.oid;
-- gives: []
SELECT i.*, i.indkey AS keys, c.relname, c.relnamespace, c.relam, d.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS condition FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_catalog.pg_description d ON d.objoid = i.indexrelid WHERE i.indrelid = 'gold'::regclass ORDER BY c.relname;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreTable.java at 81825101, what its objects are read from
-- gives: []
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c WHERE i.inhrelid = 'gold'::regclass AND c.oid = i.inhparent ORDER BY i.inhseqno;
-- gives: [["gold", "ada"]]
SELECT v.viewname, v.viewowner FROM pg_catalog.pg_views v WHERE v.schemaname = 'public' ORDER BY 1;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreSchema.java at 89f7317d, its caches
-- has: ["purchase_count", "why"]
SELECT p.oid, p.proname, p.prokind, l.lanname, d.description FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang LEFT JOIN pg_catalog.pg_description d ON d.objoid = p.oid WHERE p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'regulars') OR p.proname = 'purchase_count' ORDER BY p.proname;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreTableBase.java at c10278c9, what its objects are read from
-- has: ["gold"]
SELECT pg_catalog.pg_get_viewdef('public.gold'::regclass, true) AS definition, c.relname FROM pg_catalog.pg_class c WHERE c.oid = 'public.gold'::regclass;
-- gives: []
SELECT r.oid, r.rulename FROM pg_catalog.pg_rewrite r WHERE r.ev_class = 'public.members'::regclass ORDER BY 2;
-- gives: []
SELECT t.oid, t.tgname FROM pg_catalog.pg_trigger t WHERE t.tgrelid = 'public.gold'::regclass AND NOT t.tgisinternal;
-- gives: []
SELECT s.sequencename, s.last_value FROM pg_catalog.pg_sequences s WHERE s.schemaname = 'public';
-- gives: [[null]]
SELECT c.relacl FROM pg_catalog.pg_class c WHERE c.oid = 'public.gold'::regclass;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreExecutionContext.java at 07d0df3f, setSearchPath and refreshDefaults
-- gives: null
SET search_path = 'public','regulars';
-- gives: [["public"]]
SELECT current_schema();
-- gives: null
SET search_path = "$user",public;
-- after: dbeaver/dbeaver plugins/org.jkiss.dbeaver.ext.postgresql/src/org/jkiss/dbeaver/ext/postgresql/model/PostgreStructureAssistant.java at 0153c7db, what is found by a part of its name
-- gives: [["gold", "v"], ["gold_list", "m"]]
SELECT c.relname, c.relkind FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v', 'm') AND c.relname ILIKE '%GOLD%' AND c.relnamespace IN (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public') ORDER BY c.relname LIMIT 100;
-- gives: [["gold", "loyalty_points"]]
SELECT c.relname, a.attname FROM pg_catalog.pg_attribute a, pg_catalog.pg_class c WHERE a.attrelid = c.oid AND a.attname LIKE 'loyalty\_p%' AND c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2 LIMIT 100;
-- gives: [["replace"]]
SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p WHERE p.proname LIKE 'replac_' AND p.pronamespace IN (11, 2200) ORDER BY p.proname LIMIT 10;
-- gives: []
SELECT k.oid, k.conname FROM pg_catalog.pg_constraint k WHERE k.conname LIKE 'gold%' AND k.connamespace IN (2200) ORDER BY k.conname LIMIT 10;
