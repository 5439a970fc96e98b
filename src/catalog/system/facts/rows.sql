-- Writes types.tsv and functions.tsv from a fresh PostgreSQL 15, in the text format of COPY:
--   psql -XAtq -f rows.sql      (in this folder, which holds function_names.txt)
-- Types: those that columns and parameters can have (src/pg_type.rs), those of the system relations' columns, their
-- arrays, and what the functions below take and give. Functions: input and output of these types, and the catalog
-- functions that we answer (function/mod.rs).
CREATE TEMP TABLE wanted_type AS
  SELECT oid FROM pg_type WHERE oid IN (16,17,18,19,20,21,23,24,25,26,114,700,701,705,1042,1043,1082,1083,1114,1184,1186,
    1700,2205,2206,2950,3802)
  UNION SELECT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.oid < 16384 AND c.relkind IN ('r', 'v') AND t.typtype = 'b' AND t.typname <> '_pg_statistic' AND a.attnum > 0;
CREATE TEMP TABLE wanted_name (name text);
\copy wanted_name FROM 'function_names.txt'
CREATE TEMP TABLE wanted_proc AS SELECT p.oid FROM pg_proc p JOIN wanted_name w ON w.name = p.proname WHERE p.pronamespace = 11;
DO $$ BEGIN
  FOR round IN 1..4 LOOP
    INSERT INTO wanted_type SELECT t FROM pg_proc p JOIN wanted_proc w USING (oid), unnest(p.proargtypes || p.prorettype) t;
    INSERT INTO wanted_type SELECT typarray FROM pg_type JOIN wanted_type w USING (oid) WHERE typarray <> 0;
    INSERT INTO wanted_type SELECT typelem FROM pg_type JOIN wanted_type w USING (oid) WHERE typelem <> 0;
    INSERT INTO wanted_proc SELECT f FROM pg_type t JOIN wanted_type w USING (oid),
      unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript]::oid[]) f WHERE f <> 0;
  END LOOP;
END $$;
\copy (SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined, typdelim, typrelid, typsubscript::oid, typelem, typarray, typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation, typdefaultbin, typdefault, typacl FROM pg_type WHERE oid IN (SELECT oid FROM wanted_type) AND oid < 10000 ORDER BY oid) TO 'types.tsv'
-- Functions as columns (regproc) stand as their OIDs.
\copy (SELECT oid, proname, pronamespace, proowner, prolang, procost, prorows, provariadic, 0 AS prosupport, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype, proargtypes, proallargtypes, proargmodes, proargnames, NULL AS proargdefaults, protrftypes, prosrc, probin, NULL AS prosqlbody, proconfig, proacl FROM pg_proc WHERE oid IN (SELECT oid FROM wanted_proc) ORDER BY oid) TO 'functions.tsv'
