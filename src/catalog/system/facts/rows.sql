-- Writes the rows that our catalog has in common with a fresh PostgreSQL 15, in the text format of COPY. Run by
-- tests/oracle/make_facts.py, in a folder with function_names.txt (the catalog functions that we answer,
-- function/mod.rs) and engine_names.txt (functions that the engine has by PostgreSQL's name).
--
-- Types: those that columns and parameters can have (src/pg_type.rs), those of the system relations' columns, their
-- arrays, and what catalog functions take and give. Of the engine's functions, operators and casts those that are about
-- these types alone. Input and output functions come with their types, and an operator's function with it.
CREATE TEMP TABLE wanted_type AS
  SELECT oid FROM pg_type WHERE oid IN (16,17,18,19,20,21,23,24,25,26,27,114,700,701,705,1042,1043,1082,1083,1114,1184,1186,
    1700,2205,2206,2950,3802)
  OR typname IN ('any', 'anyelement', 'anyarray', 'anynonarray', 'anycompatible', 'anycompatiblearray', 'record', 'void',
    'trigger', 'event_trigger', 'language_handler', 'index_am_handler', 'table_am_handler', 'fdw_handler', 'tsm_handler')
  UNION SELECT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.oid < 16384 AND c.relkind IN ('r', 'v') AND t.typtype = 'b' AND t.typname <> '_pg_statistic' AND a.attnum > 0;
CREATE TEMP TABLE wanted_name (name text);
\copy wanted_name FROM 'function_names.txt'
CREATE TEMP TABLE engine_name (name text);
\copy engine_name FROM 'engine_names.txt'
CREATE TEMP TABLE wanted_proc AS SELECT p.oid FROM pg_proc p JOIN wanted_name w ON w.name = p.proname WHERE p.pronamespace = 11;
CREATE TEMP VIEW used_type AS SELECT p.oid, t AS type FROM pg_proc p, unnest(p.proargtypes || p.prorettype || coalesce(p.proallargtypes, '{}')) t;
DO $$ BEGIN
  FOR round IN 1..4 LOOP
    INSERT INTO wanted_type SELECT u.type FROM used_type u JOIN wanted_proc w USING (oid) EXCEPT SELECT oid FROM wanted_type;
    INSERT INTO wanted_type SELECT typarray FROM pg_type JOIN wanted_type w USING (oid) WHERE typarray <> 0
      EXCEPT SELECT oid FROM wanted_type;
    INSERT INTO wanted_type SELECT typelem FROM pg_type JOIN wanted_type w USING (oid) WHERE typelem <> 0
      EXCEPT SELECT oid FROM wanted_type;
    INSERT INTO wanted_proc SELECT f FROM pg_type t JOIN wanted_type w USING (oid),
      unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript]::oid[]) f WHERE f <> 0
      EXCEPT SELECT oid FROM wanted_proc;
  END LOOP;
END $$;
INSERT INTO wanted_proc SELECT p.oid FROM pg_proc p JOIN engine_name e ON e.name = p.proname
  WHERE p.pronamespace = 11 AND p.oid NOT IN (SELECT u.oid FROM used_type u WHERE u.type NOT IN (SELECT oid FROM wanted_type));
CREATE TEMP TABLE wanted_operator AS SELECT o.oid, o.oprcode FROM pg_operator o
  WHERE o.oprresult IN (SELECT oid FROM wanted_type) AND o.oprright IN (SELECT oid FROM wanted_type)
    AND (o.oprleft = 0 OR o.oprleft IN (SELECT oid FROM wanted_type))
    AND o.oprname IN ('=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '^', '|/', '||/', '||', '~', '~*', '!~', '!~*', '~~', '~~*',
                      '!~~', '!~~*', '@>', '<@', '&&', '&', '|', '#', '<<', '>>', '@');
INSERT INTO wanted_proc SELECT oprcode FROM wanted_operator WHERE oprcode <> 0;
CREATE TEMP TABLE wanted_cast AS SELECT oid, castfunc FROM pg_cast
  WHERE castsource IN (SELECT oid FROM wanted_type) AND casttarget IN (SELECT oid FROM wanted_type);
INSERT INTO wanted_proc SELECT castfunc FROM wanted_cast WHERE castfunc <> 0;
\copy (SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined, typdelim, typrelid, typsubscript::oid, typelem, typarray, typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation, typdefaultbin, typdefault, typacl FROM pg_type WHERE oid IN (SELECT oid FROM wanted_type) AND oid < 10000 ORDER BY oid) TO 'types.tsv'
-- Functions as columns (regproc) stand as their OIDs.
\copy (SELECT oid, proname, pronamespace, proowner, prolang, procost, prorows, provariadic, 0 AS prosupport, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype, proargtypes, proallargtypes, proargmodes, proargnames, NULL AS proargdefaults, protrftypes, prosrc, probin, NULL AS prosqlbody, proconfig, proacl FROM pg_proc WHERE oid IN (SELECT oid FROM wanted_proc) ORDER BY oid) TO 'functions.tsv'
-- The functions that estimate for the other server's planner, and those that an aggregate is made of, are not here.
\copy (SELECT oid, oprname, oprnamespace, oprowner, oprkind, oprcanmerge, oprcanhash, oprleft, oprright, oprresult, oprcom, oprnegate, oprcode::oid, 0 AS oprrest, 0 AS oprjoin FROM pg_operator WHERE oid IN (SELECT oid FROM wanted_operator) ORDER BY oid) TO 'operators.tsv'
\copy (SELECT oid, castsource, casttarget, castfunc, castcontext, castmethod FROM pg_cast WHERE oid IN (SELECT oid FROM wanted_cast) ORDER BY castsource, casttarget) TO 'casts.tsv'
\copy (SELECT aggfnoid::oid, aggkind, aggnumdirectargs, 0 AS aggtransfn, 0 AS aggfinalfn, 0 AS aggcombinefn, 0 AS aggserialfn, 0 AS aggdeserialfn, 0 AS aggmtransfn, 0 AS aggminvtransfn, 0 AS aggmfinalfn, false AS aggfinalextra, false AS aggmfinalextra, aggfinalmodify, aggmfinalmodify, 0 AS aggsortop, aggtranstype, 0 AS aggtransspace, 0 AS aggmtranstype, 0 AS aggmtransspace, NULL AS agginitval, NULL AS aggminitval FROM pg_aggregate WHERE aggfnoid::oid IN (SELECT oid FROM wanted_proc) ORDER BY aggfnoid::oid) TO 'aggregates.tsv'
-- As functions are described where more than the types of arguments is said: names, modes, defaults.
\copy (SELECT oid, pg_get_function_arguments(oid), pg_get_function_identity_arguments(oid) FROM pg_proc WHERE oid IN (SELECT oid FROM wanted_proc) AND (proargnames IS NOT NULL OR provariadic <> 0 OR prokind = 'a') ORDER BY oid) TO 'function_arguments.tsv'
\copy (SELECT word, catcode, barelabel, catdesc, baredesc FROM pg_get_keywords() ORDER BY word) TO 'keywords.tsv'
