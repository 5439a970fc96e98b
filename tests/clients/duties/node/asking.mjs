// The frame of the programs in JavaScript: duties are functions, each prints one line. The statements are those of duties.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The packages lie under target/clients, not beside this file.
export const load = createRequire(`${process.env.CLIENT_WORK}/node/`);
export const version = (name) => JSON.parse(readFileSync(`${process.env.CLIENT_WORK}/node/node_modules/${name}/package.json`, "utf8")).version;
export const equal = assert.deepStrictEqual;
export const TLS = { ca: readFileSync(process.env.PGSSLROOTCERT, "utf8"), rejectUnauthorized: true };

export const NUMERIC = "12345678901234567890.123456789";
export const INSTANT = new Date("2026-10-25T00:30:00.123Z"); // a Date has milliseconds
export const WORDS = ["a", null, 'b"c', "d,e", "å"];
export const NUMBERS = ["1", null, "-9007199254740993"];
export const LONG = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b";
export const MANY = "SELECT g FROM generate_series(1, 100000) g";
export const CURSOR = "DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g";
export const HINT = "Use DROP ... CASCADE to drop the dependent objects too.";
export const NOTICE = 'view "nothing" does not exist, skipping';
export const COPY =
  "COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)";
export const COPIED = 'a,b,c\n1,"x,y",\n2,å,""\n';
export const TABLES = ["business_customers", "consents", "loyalty_levels", "member_levels", "members", "products",
  "purchase_lines", "purchases", "stores"];
export const RUN = "SELECT run::int AS run, members::int AS members FROM regulars.audiences WHERE name = 'gold_list'";

const duties = [];

export function duty(name, run) {
  duties.push({ name, run });
}

export function skip(reason, ...names) {
  for (const name of names) duties.push({ name, reason });
}

export async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("not refused");
}

export async function report(version) {
  console.log(`client ${version}`);
  let failed = false;
  for (const { name, run, reason } of duties) {
    if (reason) {
      console.log(`skipped ${name}: ${reason}`);
      continue;
    }
    try {
      const note = await run();
      console.log(`ok ${name}${note ? ` (${note})` : ""}`);
    } catch (error) {
      failed = true;
      console.log(`FAILED ${name}: ${String(error?.message ?? error).replace(/\s+/g, " ")}`);
    }
  }
  process.exit(failed ? 1 : 0);
}

// Reflection for clients that have none of their own; `ask` gives the rows as objects.
export function reflect(ask) {
  duty("tables", async () => {
    const found = await ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
      + " AND table_type = 'BASE TABLE' ORDER BY table_name");
    equal(found.map((row) => row.table_name), TABLES);
    const types = await ask("SELECT data_type FROM information_schema.columns WHERE table_schema = 'public'"
      + " AND table_name = 'members' AND column_name = 'loyalty_points'");
    equal(types.map((row) => row.data_type), ["bigint"]);
  });
  duty("segments", async () => {
    const found = await ask("SELECT c.relkind, a.attname, format_type(a.atttypid, a.atttypmod) AS type FROM pg_class c"
      + " JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum");
    equal(found.map((row) => [row.relkind, row.attname, row.type]), [["v", "member_id", "text"], ["v", "loyalty_points", "bigint"]]);
    const [{ definition, comment }] =
      await ask("SELECT pg_get_viewdef('gold'::regclass) AS definition, obj_description('gold'::regclass) AS comment");
    assert.ok(definition.includes("loyalty_level = 'gold'"), definition);
    equal(comment, "Gold members");
  });
  duty("audiences", async () => {
    const found = await ask("SELECT schemaname, matviewname, ispopulated FROM pg_matviews");
    equal(found.map((row) => [row.schemaname, row.matviewname, row.ispopulated]), [["public", "gold_list", true]]);
  });
}
