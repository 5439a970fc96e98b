# R's RPostgreSQL by DBI, as Debian has it. It writes parameters into the text and knows rows only.

suppressMessages({ library(DBI); library(RPostgreSQL) })

failed <- FALSE
running <- "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'"

equal <- function(found, expected) {
  if (!isTRUE(all.equal(found, expected, check.attributes = FALSE)))
    stop(paste("expected", paste(deparse(expected), collapse = ""), "found", paste(deparse(found), collapse = "")))
}

# libpq reads the rest in the environment.
connect <- function(password = Sys.getenv("PGPASSWORD")) dbConnect(PostgreSQL(), host = "localhost", port = as.integer(Sys.getenv("PGPORT")),
  user = "admin", dbname = "regulars", password = password)

with_connection <- function(act) { c <- connect(); on.exit(dbDisconnect(c)); act(c) }
# dbGetQuery only warns of an error; dbSendQuery tells it.
refused <- function(c, sql) {
  said <- tryCatch({ dbClearResult(dbSendQuery(c, sql)); NULL }, error = function(e) conditionMessage(e))
  if (is.null(said)) stop("not refused")
  said
}
ask <- function(sql) with_connection(function(c) dbGetQuery(c, sql))
has <- function(said, words) if (!grepl(words, said, fixed = TRUE)) stop(said)

duty <- function(name, act) {
  tryCatch({
    note <- act()
    cat("ok ", name, if (is.character(note)) paste0(" (", note, ")"), "\n", sep = "")
  }, error = function(e) {
    failed <<- TRUE
    cat("FAILED ", name, ": duties.R: ", gsub("\\s+", " ", conditionMessage(e)), "\n", sep = "")
  })
}
skip <- function(reason, ...) for (name in c(...)) cat("skipped ", name, ": ", reason, "\n", sep = "")

cat("client ", as.character(packageVersion("RPostgreSQL")), ", DBI ", as.character(packageVersion("DBI")), "\n", sep = "")

duty("sign-in", function() { equal(ask("SELECT current_user::text AS who")$who, "admin"); NULL })
duty("wrong-password", function() { has(tryCatch({ connect("wrong"); "let in" }, error = function(e) conditionMessage(e)), 'password authentication failed for user "admin"'); NULL })
duty("simple", function() { equal(ask("SELECT 1 AS one, 'å' AS word"), data.frame(one = 1L, word = "å")); NULL })
skip("RPostgreSQL 0.7 has no dbBind; its formatting writes values into the text", "parameters-text")
skip("RPostgreSQL knows text only", "parameters-binary")
duty("null", function() { equal(ask("SELECT NULL::text AS a, NULL::bigint AS b"), data.frame(a = NA_character_, b = NA_real_)); "out only" })
duty("numeric", function() { equal(ask("SELECT 12345678901234567890.123456789::numeric::text AS n")$n, "12345678901234567890.123456789"); "cast to text: a numeric is a double in R" })
duty("timestamptz", function() {
  at <- ask("SELECT timestamptz '2026-10-25 00:30:00.123456+00' AS at")$at
  equal(as.numeric(at), 1792888200.123456)
  NULL
})
duty("array", function() { equal(ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å']::text AS w")$w, '{a,NULL,"b\\"c","d,e",å}'); "as PostgreSQL's text" })
duty("error", function() {
  with_connection(function(c) {
    said <- refused(c, "DROP VIEW gold")
    has(said, "Use DROP ... CASCADE to drop the dependent objects too.")
    equal(dbGetQuery(c, "SELECT 1 AS one")$one, 1L)
  })
  "by its text: it has no SQLSTATE"
})
skip("RPostgreSQL has no cancel", "cancel")
skip("RPostgreSQL has COPY FROM only", "copy-out")
duty("portions", function() {
  with_connection(function(c) {
    r <- dbSendQuery(c, "SELECT g FROM generate_series(1, 100000) g")
    total <- 0
    while (!dbHasCompleted(r)) total <- total + sum(as.numeric(fetch(r, n = 1000)$g))
    dbClearResult(r)
    equal(total, 5000050000)
  })
  "fetch(n = 1000)"
})
duty("cursor", function() {
  with_connection(function(c) {
    dbGetQuery(c, "BEGIN")
    dbGetQuery(c, "DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g")
    equal(as.numeric(dbGetQuery(c, "FETCH 3 FROM c")$g), c(1, 2, 3))
    dbGetQuery(c, "MOVE 4 IN c")
    equal(as.numeric(dbGetQuery(c, "FETCH 2 FROM c")$g), c(8, 9))
    dbGetQuery(c, "CLOSE c")
    dbGetQuery(c, "COMMIT")
  })
  NULL
})
duty("failed-transaction", function() {
  with_connection(function(c) {
    dbGetQuery(c, "BEGIN")
    has(refused(c, "SELECT 1 / 0"), "division by zero")
    has(refused(c, "SELECT 1"), "current transaction is aborted")
    dbGetQuery(c, "ROLLBACK")
    equal(dbGetQuery(c, "SELECT 1 AS one")$one, 1L)
  })
  NULL
})
skip("RPostgreSQL gives notices to the terminal", "notice")
duty("tables", function() {
  with_connection(function(c) {
    equal(sort(setdiff(dbListTables(c), c("gold", "gold_list"))), c("business_customers", "consents", "loyalty_levels",
      "member_levels", "members", "products", "purchase_lines", "purchases", "stores"))
    if (!("loyalty_points" %in% dbListFields(c, "members"))) stop("no loyalty_points")
  })
  equal(ask("SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = 'loyalty_points'")$data_type, "bigint")
  "dbListTables, dbListFields"
})
duty("segments", function() {
  # Of a view it lists no fields, of PostgreSQL's neither.
  equal(names(ask("SELECT * FROM gold")), c("member_id", "loyalty_points"))
  has(ask("SELECT pg_get_viewdef('gold'::regclass) AS d")$d, "loyalty_level = 'gold'")
  NULL
})
duty("audiences", function() { equal(ask("SELECT schemaname::text, matviewname::text, ispopulated FROM pg_matviews"), data.frame(schemaname = "public", matviewname = "gold_list", ispopulated = TRUE)); NULL })
duty("create-segment", function() {
  with_connection(function(c) {
    dbGetQuery(c, "CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400")
    equal(ask("SELECT count(*) AS n FROM rich"), ask("SELECT count(*) AS n FROM members WHERE loyalty_points > 400"))
    dbGetQuery(c, "DROP VIEW rich")
    has(refused(c, "SELECT 1 FROM rich"), 'relation "rich" does not exist')
  })
  NULL
})
duty("refresh-audience", function() {
  run <- "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'"
  before <- ask(run)$run
  with_connection(function(c) dbGetQuery(c, "REFRESH MATERIALIZED VIEW gold_list"))
  equal(as.numeric(unlist(ask(run))), c(before + 1, 2))
  NULL
})
quit(status = if (failed) 1 else 0)
