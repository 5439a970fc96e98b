// postgres (porsager): tagged templates, its cursor, COPY by a stream, cancel of its own.

import { COPIED, COPY, CURSOR, HINT, INSTANT, LONG, MANY, NOTICE, NUMBERS, NUMERIC, RUN, TLS, WORDS, duty, equal, load, refused,
  reflect, report, skip,
  version } from "./asking.mjs";

const postgres = load("postgres");
const notices = [];
const options = {
  host: "localhost", port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE,
  password: process.env.PGPASSWORD, ssl: TLS, max: 3, onnotice: (notice) => notices.push(notice.message),
};
const sql = postgres(options);

duty("sign-in", async () => equal([...await sql`SELECT current_user`], [{ current_user: "admin" }]));
duty("wrong-password", async () => {
  const other = postgres({ ...options, password: "wrong" });
  const told = await refused(other`SELECT 1`);
  equal([told.code, told.message], ["28P01", 'password authentication failed for user "admin"']);
  await other.end();
});
duty("simple", async () => {
  const [first, second] = await sql.unsafe("SELECT 1 AS one, 'å' AS word; SELECT 2 AS two").simple();
  equal([[...first], [...second]], [[{ one: 1, word: "å" }], [{ two: 2 }]]);
});
duty("parameters-text", async () => {
  equal([...await sql`SELECT ${"it's \"å\""}::text AS a, ${"9007199254740993"}::bigint AS b, ${true}::boolean AS c`],
    [{ a: "it's \"å\"", b: "9007199254740993", c: true }]);
  const found = await sql`SELECT member_id FROM members WHERE loyalty_level IN ${sql(["gold"])} AND loyalty_level = ${"gold"} ORDER BY 1`;
  equal(found.map((row) => row.member_id), ["abroad", "lunch"]);
});
skip("postgres sends and receives text only", "parameters-binary");
duty("null", async () => equal([...await sql`SELECT NULL::bigint AS a, coalesce(${null}::text, 'none') AS b`], [{ a: null, b: "none" }]));
duty("numeric", async () => equal([...await sql`SELECT ${NUMERIC}::numeric AS a`], [{ a: NUMERIC }]));
duty("timestamptz", async () => {
  equal([...await sql`SELECT timestamptz '2026-10-25 00:30:00.123+00' AS a, ${INSTANT}::timestamptz AS b`], [{ a: INSTANT, b: INSTANT }]);
  return "to the millisecond: a Date of JavaScript has no more";
});
duty("array", async () => {
  // Text that an element of an array is NULL is read by it as the word; what it sends is right, as the third column shows.
  const read = (values) => values.map((value) => value ?? "NULL");
  const [row] = await sql`SELECT ${sql.array(WORDS, 25)}::text[] AS a, ${sql.array(NUMBERS, 20)}::bigint[] AS b,
    array_position(${sql.array(WORDS, 25)}::text[], NULL)::int AS c`;
  equal(row, { a: read(WORDS), b: read(NUMBERS), c: 2 });
  return "it reads a NULL inside an array as the word NULL, from PostgreSQL too";
});
duty("error", async () => {
  const told = await refused(sql`DROP VIEW gold`);
  equal([told.code, told.hint], ["2BP01", HINT]);
  equal([...await sql`SELECT 1 AS one`], [{ one: 1 }]);
});
duty("cancel", async () => {
  const query = sql.unsafe(LONG);
  const running = refused(query.execute());
  for (;;) {
    const [{ count }] = await sql`SELECT count(*)::int AS count FROM pg_stat_activity WHERE state = 'active' AND query = ${LONG}`;
    if (count === 1) break;
  }
  query.cancel();
  equal((await running).code, "57014");
  equal([...await sql`SELECT 1 AS one`], [{ one: 1 }]);
});
duty("copy-out", async () => {
  const parts = [];
  for await (const part of await sql.unsafe(COPY).readable()) parts.push(part);
  equal(Buffer.concat(parts).toString(), COPIED);
});
duty("portions", async () => {
  let sum = 0;
  let largest = 0;
  await sql.unsafe(MANY).cursor(1000, (rows) => {
    largest = Math.max(largest, rows.length);
    for (const row of rows) sum += Number(row.g);
  });
  equal([sum, largest], [5000050000, 1000]);
});
duty("cursor", () => sql.begin(async (transaction) => {
  await transaction.unsafe(CURSOR);
  const fetched = async (count) => (await transaction.unsafe(`FETCH ${count} FROM c`)).map((row) => Number(row.g));
  equal(await fetched(3), [1, 2, 3]);
  equal((await transaction.unsafe("MOVE 4 IN c")).command, "MOVE");
  equal(await fetched(2), [8, 9]);
  await transaction.unsafe("CLOSE c");
}));
duty("failed-transaction", async () => {
  const told = await refused(sql.begin(async (transaction) => {
    equal((await refused(transaction`SELECT 1 / 0`)).code, "22012");
    equal((await refused(transaction`SELECT 1`)).code, "25P02");
    throw new Error("given up");
  }));
  equal(told.message, "given up");
  equal([...await sql`SELECT 1 AS one`], [{ one: 1 }]);
});
duty("notice", async () => {
  notices.length = 0;
  await sql`DROP VIEW IF EXISTS nothing`;
  equal(notices, [NOTICE]);
});
reflect((text) => sql.unsafe(text));
duty("create-segment", async () => {
  equal((await sql`CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400`).command, "CREATE VIEW");
  equal([...await sql`SELECT count(*) FROM rich`], [...await sql`SELECT count(*) FROM members WHERE loyalty_points > 400`]);
  await sql`DROP VIEW rich`;
  equal((await refused(sql`SELECT 1 FROM rich`)).code, "42P01");
});
duty("refresh-audience", async () => {
  const [{ run }] = await sql.unsafe(RUN);
  await sql`REFRESH MATERIALIZED VIEW gold_list`;
  equal([...await sql.unsafe(RUN)], [{ run: run + 1, members: 2 }]);
});

await report(version("postgres"));
