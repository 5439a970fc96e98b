// node-postgres: parameters in text and binary, pg-cursor, pg-copy-streams, notices.

import { CURSOR, COPIED, COPY, HINT, INSTANT, LONG, MANY, NOTICE, NUMBERS, NUMERIC, RUN, TLS, WORDS, duty, equal, load, refused,
  reflect, report, version } from "./asking.mjs";

const pg = load("pg");
const Cursor = load("pg-cursor");
const { to: copyTo } = load("pg-copy-streams");

// In the environment PGSSLMODE and PGSSLROOTCERT are libpq's; here TLS is told by `ssl`.
delete process.env.PGSSLMODE;

async function connected(work, options = {}) {
  const client = new pg.Client({ ssl: TLS, ...options });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const ask = (sql, values) => connected(async (client) => (await client.query(sql, values)).rows);

duty("sign-in", () => connected(async (client) => {
  equal(client.connection.stream.encrypted, true);
  equal((await client.query("SELECT current_user")).rows, [{ current_user: "admin" }]);
}));
duty("wrong-password", async () => {
  const told = await refused(connected(() => {}, { password: "wrong" }));
  equal([told.code, told.message], ["28P01", 'password authentication failed for user "admin"']);
});
duty("simple", () => connected(async (client) => {
  const [first, second] = await client.query("SELECT 1 AS one, 'å' AS word; SELECT 2 AS two");
  equal([first.rows, second.rows], [[{ one: 1, word: "å" }], [{ two: 2 }]]);
}));

const parameters = (binary) => connected(async (client) => {
  const text = "SELECT $1::text AS a, $2::bigint AS b, $3::text AS c";
  const { rows } = await client.query({ text, values: ["it's \"å\"", "9007199254740993", Buffer.from("bytes å")], binary });
  equal(rows, [{ a: "it's \"å\"", b: "9007199254740993", c: "bytes å" }]);
  const found = await client.query({ text: "SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", values: ["gold"], binary });
  equal(found.rows.map((row) => row.member_id), ["abroad", "lunch"]);
});
duty("parameters-text", () => parameters(false));
duty("parameters-binary", async () => {
  await parameters(true);
  return "results in binary; of the parameters only a Buffer is sent so";
});
duty("null", async () => equal(await ask("SELECT NULL::bigint AS a, coalesce($1::text, 'none') AS b", [null]), [{ a: null, b: "none" }]));
duty("numeric", async () => equal(await ask(`SELECT ${NUMERIC}::numeric AS a, $1::numeric AS b`, [NUMERIC]), [{ a: NUMERIC, b: NUMERIC }]));
duty("timestamptz", async () => {
  equal(await ask("SELECT timestamptz '2026-10-25 00:30:00.123+00' AS a, $1::timestamptz AS b", [INSTANT]), [{ a: INSTANT, b: INSTANT }]);
  return "to the millisecond: a Date of JavaScript has no more";
});
duty("array", async () => equal(await ask("SELECT $1::text[] AS a, $2::bigint[] AS b", [WORDS, NUMBERS]), [{ a: WORDS, b: NUMBERS }]));
duty("error", () => connected(async (client) => {
  const told = await refused(client.query("DROP VIEW gold"));
  equal([told.code, told.hint], ["2BP01", HINT]);
  equal((await client.query("SELECT 1 AS one")).rows, [{ one: 1 }]);
}));
duty("cancel", () => connected(async (client) => {
  const running = refused(client.query(LONG));
  await connected((other) => other.query("SELECT pg_cancel_backend($1)", [client.processID]));
  equal((await running).code, "57014");
  equal((await client.query("SELECT 1 AS one")).rows, [{ one: 1 }]);
  return "by pg_cancel_backend: a Client has no cancel of its own over TLS";
}));
duty("copy-out", () => connected(async (client) => {
  const parts = [];
  for await (const part of client.query(copyTo(COPY))) parts.push(part);
  equal(Buffer.concat(parts).toString(), COPIED);
}));
duty("portions", () => connected(async (client) => {
  const cursor = client.query(new Cursor(MANY));
  let sum = 0;
  let largest = 0;
  for (let rows = await cursor.read(1000); rows.length > 0; rows = await cursor.read(1000)) {
    largest = Math.max(largest, rows.length);
    for (const row of rows) sum += Number(row.g);
  }
  equal([sum, largest], [5000050000, 1000]);
  await cursor.close();
}));
duty("cursor", () => connected(async (client) => {
  await client.query("BEGIN");
  await client.query(CURSOR);
  const fetched = async (count) => (await client.query(`FETCH ${count} FROM c`)).rows.map((row) => Number(row.g));
  equal(await fetched(3), [1, 2, 3]);
  equal((await client.query("MOVE 4 IN c")).command, "MOVE");
  equal(await fetched(2), [8, 9]);
  await client.query("CLOSE c");
  await client.query("COMMIT");
}));
duty("failed-transaction", () => connected(async (client) => {
  await client.query("BEGIN");
  equal((await refused(client.query("SELECT 1 / 0"))).code, "22012");
  equal((await refused(client.query("SELECT 1"))).code, "25P02");
  await client.query("ROLLBACK");
  equal((await client.query("SELECT 1 AS one")).rows, [{ one: 1 }]);
}));
duty("notice", () => connected(async (client) => {
  const told = [];
  client.on("notice", (notice) => told.push(notice.message));
  await client.query("DROP VIEW IF EXISTS nothing");
  equal(told, [NOTICE]);
}));
reflect(ask);
duty("create-segment", () => connected(async (client) => {
  equal((await client.query("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400")).command, "CREATE");
  equal((await client.query("SELECT count(*) FROM rich")).rows, await ask("SELECT count(*) FROM members WHERE loyalty_points > 400"));
  await client.query("DROP VIEW rich");
  equal((await refused(client.query("SELECT 1 FROM rich"))).code, "42P01");
}));
duty("refresh-audience", async () => {
  const [{ run }] = await ask(RUN);
  await ask("REFRESH MATERIALIZED VIEW gold_list");
  equal(await ask(RUN), [{ run: run + 1, members: 2 }]);
});

await report(version("pg"));
