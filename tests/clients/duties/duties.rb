# Ruby's pg: exec, exec_params in text and binary, COPY, cancel, notices.

require "pg"
require "date"
require "bigdecimal"

RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'"
LONG = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b"
NUMERIC = "12345678901234567890.123456789"
TABLES = %w[business_customers consents loyalty_levels member_levels members products purchase_lines purchases stores]

def equal(found, expected)
  raise "expected #{expected.inspect}, found #{found.inspect}" unless found == expected
end

def connect(**more) = PG.connect(**more)

def mapped(connection)
  connection.type_map_for_results = PG::BasicTypeMapForResults.new(connection)
  connection.type_map_for_queries = PG::BasicTypeMapForQueries.new(connection)
  connection
end

def with
  connection = connect
  yield connection
ensure
  connection&.close
end

def ask(sql, *parameters) = with { |c| c.exec_params(sql, parameters).values }

def refused
  yield
rescue PG::Error => error
  error
else
  raise "not refused"
end

def state(error) = error.result.error_field(PG::Result::PG_DIAG_SQLSTATE)

def duty(name)
  note = yield
  puts "ok #{name}#{" (#{note})" if note.is_a?(String)}"
rescue StandardError => error
  $failed = true
  where = error.backtrace_locations.find { |place| place.path == __FILE__ }&.lineno
  puts "FAILED #{name}: duties.rb:#{where}: #{error.class}: #{error.message.split.join(" ")[0, 600]}"
ensure
  $stdout.flush
end

puts "client #{PG::VERSION}, libpq #{PG.library_version}"

duty("sign-in") do
  with do |c|
    equal(c.exec("SELECT current_user").values, [["admin"]])
  end
  nil
end

duty("wrong-password") do
  said = refused { connect(password: "wrong") }.message
  raise said unless said.include?('password authentication failed for user "admin"')
end

duty("simple") { with { |c| equal(mapped(c).exec("SELECT 1 AS one, 'å' AS word").to_a, [{ "one" => 1, "word" => "å" }]) }; nil }

duty("parameters-text") do
  with do |c|
    given = ["it's \"å\" \\", "9007199254740993", "2028-02-29"]
    equal(c.exec_params("SELECT $1::text, $2::bigint, $3::date", given).values, [given])
    equal(c.exec_params("SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", ["gold"]).values, [["abroad"], ["lunch"]])
  end
  nil
end

duty("parameters-binary") do
  with do |c|
    given = [{ value: "å", type: 25, format: 1 }, { value: [9007199254740993].pack("q>"), type: 20, format: 1 }]
    found = c.exec_params("SELECT $1::text, $2::bigint", given, 1)
    equal([found.getvalue(0, 0).force_encoding("UTF-8"), found.getvalue(0, 1)], ["å", [9007199254740993].pack("q>")])
  end
  nil
end

duty("null") { equal(ask("SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')", nil), [[nil, nil, "none"]]) }

duty("numeric") do
  with { |c| equal(mapped(c).exec_params("SELECT #{NUMERIC}::numeric, $1::numeric", [BigDecimal(NUMERIC)]).values, [[BigDecimal(NUMERIC)] * 2]) }
  nil
end

duty("timestamptz") do
  with do |c|
    at, = mapped(c).exec("SELECT timestamptz '2026-10-25 00:30:00.123456+00'").values[0]
    equal(at, Time.utc(2026, 10, 25, 0, 30, 0, 123456))
  end
  nil
end

duty("array") do
  with do |c|
    found = mapped(c).exec("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]").values
    equal(found, [[["a", nil, 'b"c', "d,e", "å"], [1, nil, -9007199254740993]]])
  end
  nil
end

duty("error") do
  with do |c|
    told = refused { c.exec("DROP VIEW gold") }
    equal([state(told), told.result.error_field(PG::Result::PG_DIAG_MESSAGE_HINT)],
          ["2BP01", "Use DROP ... CASCADE to drop the dependent objects too."])
    equal(c.exec("SELECT 1").values, [["1"]])
  end
  nil
end

duty("cancel") do
  with do |c|
    waiting = Thread.new do
      give_up_at = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 60
      until ask(RUNNING) == [["1"]]
        raise "the query does not run" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > give_up_at
      end
      c.cancel
    end
    told = refused { c.exec(LONG) }
    waiting.join
    equal(state(told), "57014")
    equal(c.exec("SELECT 1").values, [["1"]])
  end
  nil
end

duty("copy-out") do
  with do |c|
    out = +""
    c.copy_data("COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)") do
      while (row = c.get_copy_data)
        out << row
      end
    end
    equal(out.force_encoding("UTF-8"), "a,b,c\n1,\"x,y\",\n2,å,\"\"\n")
  end
  nil
end

duty("portions") do
  with do |c|
    c.send_query("SELECT g FROM generate_series(1, 100000) g")
    c.set_single_row_mode
    total = 0
    results = 0
    while (result = c.get_result)
      result.check
      results += result.ntuples
      result.each_row { |row| total += row[0].to_i }
    end
    equal([results, total], [100000, 5000050000])
  end
  "single-row mode"
end

duty("cursor") do
  with do |c|
    c.transaction do
      c.exec("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g")
      equal(c.exec("FETCH 3 FROM c").values, [["1"], ["2"], ["3"]])
      c.exec("MOVE 4 IN c")
      equal(c.exec("FETCH 2 FROM c").values, [["8"], ["9"]])
      c.exec("CLOSE c")
    end
  end
  nil
end

duty("failed-transaction") do
  with do |c|
    c.exec("BEGIN")
    equal(state(refused { c.exec("SELECT 1 / 0") }), "22012")
    equal([state(refused { c.exec("SELECT 1") }), c.transaction_status], ["25P02", PG::PQTRANS_INERROR])
    c.exec("ROLLBACK")
    equal(c.exec("SELECT 1").values, [["1"]])
  end
  nil
end

duty("notice") do
  with do |c|
    heard = []
    c.set_notice_processor { |said| heard << said }
    c.exec("DROP VIEW IF EXISTS nothing")
    equal(heard, ["NOTICE:  view \"nothing\" does not exist, skipping\n"])
  end
  nil
end

duty("tables") do
  equal(ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name").flatten, TABLES)
  equal(ask("SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = 'loyalty_points'"), [["bigint"]])
end

duty("segments") do
  equal(ask("SELECT c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum"),
        [["v", "member_id", "text", "who"], ["v", "loyalty_points", "bigint", nil]])
  definition, comment = ask("SELECT pg_get_viewdef('gold'::regclass), obj_description('gold'::regclass)")[0]
  raise definition unless definition.include?("loyalty_level = 'gold'")
  equal(comment, "Gold members")
end

duty("audiences") { equal(ask("SELECT schemaname, matviewname, ispopulated FROM pg_matviews"), [%w[public gold_list t]]) }

duty("create-segment") do
  with do |c|
    equal(c.exec("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400").cmd_status, "CREATE VIEW")
    equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
    c.exec("DROP VIEW rich")
    equal(state(refused { c.exec("SELECT 1 FROM rich") }), "42P01")
  end
  nil
end

duty("refresh-audience") do
  run = "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'"
  before = ask(run)[0][0].to_i
  with { |c| c.exec("REFRESH MATERIALIZED VIEW gold_list") }
  equal(ask(run), [[(before + 1).to_s, "2"]])
end

exit($failed ? 1 : 0)
