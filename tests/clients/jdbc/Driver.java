// pgjdbc: what DatabaseMetaData finds, binary transfer, portals with row limits, time zones, arrays, cancel, COPY.

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.TimeZone;
import java.util.TreeSet;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;

public class Driver {
    interface Check {
        void run(Connection connection) throws Exception;
    }

    static final Map<String, Check> CHECKS = new LinkedHashMap<>();
    static final String URL = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
        + System.getenv("PGDATABASE");

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        for (int at = 0; at < options.length; at += 2) {
            properties.setProperty(options[at], options[at + 1]);
        }
        return DriverManager.getConnection(URL, properties);
    }

    static void equal(Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static void state(String expected, Check statement, Connection connection) throws Exception {
        try {
            statement.run(connection);
        } catch (SQLException error) {
            if (!expected.equals(error.getSQLState())) {
                throw new AssertionError("expected " + expected + ", found " + error.getSQLState() + ": " + error.getMessage());
            }
            return;
        }
        throw new AssertionError("not refused, expected " + expected);
    }

    /** The given columns of all rows, with `|` between. */
    static List<String> rows(ResultSet result, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (result.next()) {
            List<String> cells = new ArrayList<>();
            for (String column : columns) {
                cells.add(result.getString(column));
            }
            rows.add(String.join("|", cells.stream().map(String::valueOf).toList()));
        }
        result.close();
        return rows;
    }

    static List<String> query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            int count = result.getMetaData().getColumnCount();
            List<String> rows = new ArrayList<>();
            while (result.next()) {
                List<String> cells = new ArrayList<>();
                for (int column = 1; column <= count; column++) {
                    cells.add(String.valueOf(result.getString(column)));
                }
                rows.add(String.join("|", cells));
            }
            return rows;
        }
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = connect()) {
            execute(connection, "CREATE SCHEMA crm; CREATE VIEW gold AS SELECT member_id, loyalty_points FROM members WHERE loyalty_level = 'gold';"
                + " COMMENT ON VIEW gold IS 'Gold members'; COMMENT ON COLUMN gold.member_id IS 'who';"
                + " CREATE VIEW crm.best AS SELECT member_id, loyalty_points::numeric(12,3) AS points FROM gold");
        }
        metadata();
        statements();
        int failed = 0;
        String only = System.getenv().getOrDefault("CHECKS", "");
        for (Map.Entry<String, Check> check : CHECKS.entrySet()) {
            if (!check.getKey().contains(only)) {
                continue;
            }
            try (Connection connection = connect()) {
                check.getValue().run(connection);
                System.out.println("ok " + check.getKey());
            } catch (Throwable failure) {
                failed++;
                System.out.println("FAILED " + check.getKey());
                System.out.println("       " + failure);
                for (StackTraceElement frame : failure.getStackTrace()) {
                    if (frame.getClassName().equals("Driver")) {
                        System.out.println("       at line " + frame.getLineNumber());
                    }
                }
            }
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    static void metadata() {
        CHECKS.put("the product and its version", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(data.getDatabaseProductName(), "PostgreSQL");
            equal(data.getDatabaseProductVersion(), "16.0");
            equal(data.getDatabaseMajorVersion(), 16);
            equal(data.getUserName(), System.getenv("PGUSER"));
            equal(data.getMaxColumnNameLength(), 63);
            equal(data.getDefaultTransactionIsolation(), Connection.TRANSACTION_READ_COMMITTED);
            equal(connection.getCatalog(), "regulars");
            equal(connection.getSchema(), "public");
            equal(data.getSQLKeywords().isEmpty(), false);
        });
        CHECKS.put("schemas and catalogs", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getSchemas(), "TABLE_SCHEM"), List.of("crm", "information_schema", "pg_catalog", "public", "regulars"));
            equal(rows(data.getSchemas(null, "c%"), "TABLE_SCHEM"), List.of("crm"));
            equal(rows(data.getCatalogs(), "TABLE_CAT"), List.of("regulars"));
            equal(rows(data.getTableTypes(), "TABLE_TYPE").contains("MATERIALIZED VIEW"), true);
        });
        CHECKS.put("tables of each type", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getTables(null, "public", "%", new String[] {"VIEW"}), "TABLE_NAME", "TABLE_TYPE", "REMARKS"),
                List.of("gold|VIEW|Gold members"));
            equal(rows(data.getTables(null, "crm", null, null), "TABLE_SCHEM", "TABLE_NAME"), List.of("crm|best"));
            equal(rows(data.getTables(null, null, "purchase%", new String[] {"TABLE"}), "TABLE_NAME"), List.of("purchase_lines", "purchases"));
            equal(rows(data.getTables(null, "public", null, new String[] {"MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"}), "TABLE_NAME"), List.of());
            List<String> system = rows(data.getTables(null, "pg_catalog", "pg_class", new String[] {"SYSTEM TABLE"}), "TABLE_NAME");
            equal(system, List.of("pg_class"));
            equal(rows(data.getTables(null, "pg_catalog", "pg_tables", new String[] {"SYSTEM VIEW"}), "TABLE_NAME"), List.of("pg_tables"));
        });
        CHECKS.put("columns", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getColumns(null, "crm", "best", null), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS",
                    "IS_NULLABLE", "ORDINAL_POSITION", "COLUMN_DEF", "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN"),
                List.of("member_id|12|text|2147483647|0|YES|1|null|NO|NO", "points|2|numeric|12|3|YES|2|null|NO|NO"));
            equal(rows(data.getColumns(null, "public", "gold", "member%"), "COLUMN_NAME", "REMARKS"), List.of("member_id|who"));
            equal(rows(data.getColumns(null, "public", "members", "%_at"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME"),
                List.of("verified_at|" + Types.TIMESTAMP + "|timestamptz", "erased_at|" + Types.TIMESTAMP + "|timestamptz"));
        });
        CHECKS.put("keys and indexes", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            for (ResultSet result : List.of(data.getPrimaryKeys(null, "public", "members"), data.getImportedKeys(null, "public", "purchases"),
                    data.getExportedKeys(null, "public", "members"), data.getCrossReference(null, "public", "members", null, "public", "purchases"),
                    data.getIndexInfo(null, "public", "members", false, false), data.getBestRowIdentifier(null, "public", "members", 0, true),
                    data.getVersionColumns(null, "public", "gold"))) {
                equal(result.getMetaData().getColumnCount() > 0, true);
                result.close();
            }
            equal(rows(data.getPrimaryKeys(null, "public", "members"), "COLUMN_NAME"), List.of());
        });
        CHECKS.put("types", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            List<String> types = rows(data.getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
            for (String expected : List.of("int8|-5", "text|12", "numeric|2", "timestamptz|93", "bool|-7", "_text|2003", "uuid|1111")) {
                equal(types.contains(expected) || types.contains(expected.replace("|93", "|2014")), true);
            }
            equal(rows(data.getUDTs(null, null, null, null), "TYPE_NAME"), List.of());
        });
        CHECKS.put("functions and procedures", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getFunctions(null, "pg_catalog", "pg_get_viewdef"), "FUNCTION_NAME").size(), 5);
            equal(rows(data.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME"), List.of("lower"));
            List<String> ours = rows(data.getFunctions(null, "regulars", "segment_size"), "FUNCTION_SCHEM", "FUNCTION_NAME");
            equal(ours, List.of("regulars|segment_size"));
            equal(rows(data.getProcedures(null, null, "%"), "PROCEDURE_SCHEM", "PROCEDURE_NAME"), List.of("regulars|deliver"));
            equal(rows(data.getProcedureColumns(null, null, "nothing", null), "COLUMN_NAME"), List.of());
            equal(rows(data.getProcedureColumns(null, "regulars", "deliver", "%"), "COLUMN_NAME", "TYPE_NAME").containsAll(
                List.of("audience|text", "channel|text", "dry_run|bool", "in_doubt|text")), true);
            equal(rows(data.getFunctionColumns(null, "pg_catalog", "repeat", null), "COLUMN_NAME", "TYPE_NAME"),
                List.of("returnValue|text", "$1|text", "$2|int4"));
        });
        CHECKS.put("privileges", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            TreeSet<String> found = new TreeSet<>(rows(data.getTablePrivileges(null, "public", "gold"), "GRANTEE", "PRIVILEGE"));
            equal(found.contains(System.getenv("PGUSER") + "|SELECT"), true);
            // Of columns the driver tells only what was granted on them alone.
            equal(rows(data.getColumnPrivileges(null, "public", "gold", "member_id"), "PRIVILEGE"), List.of());
        });
        CHECKS.put("what the driver asks of the server's settings", connection -> {
            equal(query(connection, "SHOW server_version_num"), List.of("160000"));
            equal(connection.getClientInfo("ApplicationName"), "PostgreSQL JDBC Driver");
            connection.setClientInfo("ApplicationName", "checks");
            equal(query(connection, "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"), List.of("checks"));
            equal(connection.isValid(2), true);
            equal(connection.getMetaData().getMaxConnections() > 0, true);
            equal(query(connection, "SELECT setting FROM pg_catalog.pg_settings WHERE name='max_index_keys'"), List.of("32"));
        });
    }

    static void statements() {
        CHECKS.put("binary transfer begins with the fifth execution", connection -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "SELECT member_id, loyalty_points, joined_on, verified_at, 1.50::numeric(8,2), 0.1::float8, true, ARRAY[1::bigint, NULL], '08:30'::time"
                    + " FROM members WHERE loyalty_points >= ? AND member_id <> ? ORDER BY loyalty_points DESC LIMIT 1")) {
                for (int round = 1; round <= 8; round++) {
                    statement.setLong(1, 300 + round);
                    statement.setString(2, "regular");
                    try (ResultSet result = statement.executeQuery()) {
                        equal(result.next(), true);
                        equal(result.getString(1), "abroad");
                        equal(result.getLong(2), 410L);
                        equal(result.getObject(3, LocalDate.class), LocalDate.of(2025, 8, 8));
                        equal(result.getObject(4, OffsetDateTime.class).toInstant(), OffsetDateTime.of(2025, 8, 8, 17, 45, 0, 0, ZoneOffset.UTC).toInstant());
                        equal(result.getBigDecimal(5), new BigDecimal("1.50"));
                        equal(result.getDouble(6), 0.1);
                        equal(result.getBoolean(7), true);
                        equal(Arrays.asList((Long[]) result.getArray(8).getArray()), Arrays.asList(1L, null));
                        equal(result.getObject(9, LocalTime.class), LocalTime.of(8, 30));
                    }
                    equal(((PGStatement) statement).isUseServerPrepare(), round >= 4);
                }
            }
            equal(query(connection, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT member_id%'"), List.of("1"));
        });
        CHECKS.put("parameters of many types", connection -> {
            for (String threshold : List.of("0", "1", "-1")) {
                try (Connection other = connect("prepareThreshold", threshold);
                        PreparedStatement statement = other.prepareStatement(
                            "SELECT ?::bigint, ?::int, ?::text, ?::numeric(10,2), ?::date, ?::timestamp, ?::timestamptz, ?::boolean, ?::float8, ?::bytea, ?::text[], ?::time")) {
                    statement.setLong(1, Long.MIN_VALUE);
                    statement.setInt(2, Integer.MAX_VALUE);
                    statement.setString(3, "å 東京");
                    statement.setBigDecimal(4, new BigDecimal("-12.30"));
                    statement.setObject(5, LocalDate.of(2028, 2, 29));
                    statement.setObject(6, LocalDateTime.of(2026, 3, 29, 3, 30));
                    statement.setObject(7, OffsetDateTime.of(2026, 10, 25, 2, 30, 0, 0, ZoneOffset.ofHours(2)));
                    statement.setBoolean(8, true);
                    statement.setDouble(9, 1.5e300);
                    statement.setBytes(10, new byte[] {0, -1});
                    statement.setArray(11, other.createArrayOf("text", new String[] {"a", null, "b\"c"}));
                    statement.setObject(12, LocalTime.of(23, 59, 59));
                    try (ResultSet result = statement.executeQuery()) {
                        equal(result.next(), true);
                        equal(result.getLong(1), Long.MIN_VALUE);
                        equal(result.getInt(2), Integer.MAX_VALUE);
                        equal(result.getString(3), "å 東京");
                        equal(result.getBigDecimal(4), new BigDecimal("-12.30"));
                        equal(result.getObject(5, LocalDate.class), LocalDate.of(2028, 2, 29));
                        equal(result.getObject(6, LocalDateTime.class), LocalDateTime.of(2026, 3, 29, 3, 30));
                        equal(result.getObject(7, OffsetDateTime.class).toInstant().toString(), "2026-10-25T00:30:00Z");
                        equal(result.getBoolean(8), true);
                        equal(result.getDouble(9), 1.5e300);
                        equal(Arrays.equals(result.getBytes(10), new byte[] {0, -1}), true);
                        equal(Arrays.asList((String[]) result.getArray(11).getArray()), Arrays.asList("a", null, "b\"c"));
                        equal(result.getObject(12, LocalTime.class), LocalTime.of(23, 59, 59));
                    }
                    for (int at = 1; at <= 12; at++) {
                        statement.setNull(at, Types.NULL);
                    }
                    try (ResultSet result = statement.executeQuery()) {
                        equal(result.next(), true);
                        for (int at = 1; at <= 12; at++) {
                            equal(result.getObject(at), null);
                        }
                    }
                }
            }
        });
        CHECKS.put("parameters and columns are described", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT member_id, loyalty_points FROM members WHERE loyalty_points > ?")) {
                ParameterMetaData parameters = statement.getParameterMetaData();
                equal(parameters.getParameterCount(), 1);
                equal(parameters.getParameterTypeName(1), "int8");
                ResultSetMetaData columns = statement.getMetaData();
                equal(columns.getColumnName(2), "loyalty_points");
                equal(columns.getColumnTypeName(2), "int8");
                equal(columns.getColumnClassName(2), "java.lang.Long");
                equal(columns.getTableName(2) != null, true);
            }
        });
        CHECKS.put("rows come as many at a time as were asked for", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(100);
                try (ResultSet result = statement.executeQuery("SELECT value FROM generate_series(1, 2501) AS s(value) ORDER BY 1")) {
                    long total = 0;
                    int count = 0;
                    while (result.next()) {
                        total += result.getLong(1);
                        count++;
                    }
                    equal(count, 2501);
                    equal(total, 2501L * 2502 / 2);
                }
                statement.setMaxRows(7);
                try (ResultSet result = statement.executeQuery("SELECT value FROM generate_series(1, 2501) AS s(value)")) {
                    int count = 0;
                    while (result.next()) {
                        count++;
                    }
                    equal(count, 7);
                }
            }
            connection.commit();
        });
        CHECKS.put("a result that scrolls", connection -> {
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                    ResultSet result = statement.executeQuery("SELECT member_id FROM members ORDER BY 1")) {
                equal(result.last(), true);
                equal(result.getRow(), 18);
                equal(result.absolute(2), true);
                equal(result.getString(1), "clock");
                equal(result.previous(), true);
                equal(result.getString(1), "abroad");
            }
        });
        CHECKS.put("results cannot be changed", connection -> {
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                    ResultSet result = statement.executeQuery("SELECT member_id, email FROM members")) {
                result.next();
                try {
                    result.updateString(2, "x");
                    result.updateRow();
                } catch (SQLException refused) {
                    return;
                }
                throw new AssertionError("a row of the history was changed");
            }
        });
        CHECKS.put("statements in batches", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.addBatch("SELECT 1");
                statement.addBatch("SELECT 2");
                equal(Arrays.toString(statement.executeBatch()), "[0, 0]");
                statement.clearBatch();
                statement.addBatch("CREATE VIEW batched AS SELECT 1 AS one");
                statement.addBatch("DROP VIEW batched");
                equal(Arrays.toString(statement.executeBatch()), "[0, 0]");
                statement.clearBatch();
                statement.addBatch("CREATE VIEW halfway AS SELECT 1 AS one");
                statement.addBatch("CREATE VIEW halfway AS SELECT 1 AS one");
                try {
                    statement.executeBatch();
                    throw new AssertionError("not refused");
                } catch (BatchUpdateException refused) {
                    equal(refused.getSQLState(), "42P07");
                }
            }
        });
        CHECKS.put("instants and time zones", connection -> {
            equal(query(connection, "SHOW TimeZone"), List.of("Europe/Stockholm"));
            equal(query(connection, "SELECT '2026-10-25 00:30:00+00'::timestamptz"), List.of("2026-10-25 02:30:00+02"));
            for (int round = 0; round < 2; round++) {
                try (PreparedStatement statement = connection.prepareStatement("SELECT ?::timestamptz, ?::timestamp, ?::date, ?::time")) {
                    statement.unwrap(PGStatement.class).setPrepareThreshold(round == 0 ? 0 : 1);
                    Calendar taipei = Calendar.getInstance(TimeZone.getTimeZone("Asia/Taipei"));
                    Timestamp instant = Timestamp.from(OffsetDateTime.of(2026, 1, 2, 3, 4, 5, 678_000_000, ZoneOffset.UTC).toInstant());
                    statement.setTimestamp(1, instant, taipei);
                    statement.setTimestamp(2, Timestamp.valueOf("2026-03-29 03:30:00.25"));
                    statement.setDate(3, Date.valueOf("2026-05-06"));
                    statement.setTime(4, Time.valueOf("07:08:09"));
                    try (ResultSet result = statement.executeQuery()) {
                        equal(result.next(), true);
                        equal(result.getTimestamp(1), instant);
                        equal(result.getTimestamp(2), Timestamp.valueOf("2026-03-29 03:30:00.25"));
                        equal(result.getDate(3), Date.valueOf("2026-05-06"));
                        equal(result.getTime(4), Time.valueOf("07:08:09"));
                    }
                }
            }
        });
        CHECKS.put("arrays", connection -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM members WHERE member_id = ANY (?)")) {
                Array array = connection.createArrayOf("text", new String[] {"lunch", "night", "nobody"});
                for (int round = 0; round < 7; round++) {
                    statement.setArray(1, array);
                    try (ResultSet result = statement.executeQuery()) {
                        result.next();
                        equal(result.getLong(1), 2L);
                    }
                }
            }
            try (PreparedStatement statement = connection.prepareStatement("SELECT ?::bigint[], ARRAY[]::text[], ARRAY['2026-01-02'::date]")) {
                for (int round = 0; round < 7; round++) {
                    statement.setObject(1, new long[] {1, 2, 3});
                    try (ResultSet result = statement.executeQuery()) {
                        result.next();
                        equal(Arrays.asList((Long[]) result.getArray(1).getArray()), List.of(1L, 2L, 3L));
                        equal(((String[]) result.getArray(2).getArray()).length, 0);
                        equal(((Date[]) result.getArray(3).getArray())[0], Date.valueOf("2026-01-02"));
                    }
                }
            }
        });
        CHECKS.put("a statement is cancelled", connection -> {
            String endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                state("57014", ignored -> statement.executeQuery(endless), connection);
            }
            try (Statement statement = connection.createStatement(); Connection other = connect()) {
                int pid = connection.unwrap(PGConnection.class).getBackendPID();
                Thread canceller = new Thread(() -> {
                    try {
                        while (query(other, "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid = " + pid).isEmpty()) {
                            Thread.onSpinWait();
                        }
                        statement.cancel();
                    } catch (SQLException failure) {
                        throw new IllegalStateException(failure);
                    }
                });
                canceller.start();
                state("57014", ignored -> statement.executeQuery(endless), connection);
                canceller.join();
            }
            equal(query(connection, "SELECT 'goes on'"), List.of("goes on"));
        });
        CHECKS.put("rows are copied out", connection -> {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            ByteArrayOutputStream output = new ByteArrayOutputStream();
            equal(copy.copyOut("COPY (SELECT member_id, loyalty_points FROM gold ORDER BY 1) TO STDOUT WITH (FORMAT csv, HEADER)", output), 2L);
            equal(output.toString(StandardCharsets.UTF_8), "member_id,loyalty_points\nabroad,410\nlunch,320\n");
            state("0A000", ignored -> copy.copyIn("COPY members FROM STDIN", new java.io.StringReader("x\n")), connection);
            equal(query(connection, "SELECT 1"), List.of("1"));
        });
        CHECKS.put("transactions, savepoints, isolation", connection -> {
            connection.setAutoCommit(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            equal(connection.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
            execute(connection, "CREATE VIEW first_view AS SELECT 1 AS one");
            Savepoint savepoint = connection.setSavepoint("here");
            execute(connection, "CREATE VIEW second_view AS SELECT 1 AS one");
            state("22012", ignored -> query(connection, "SELECT 1 / 0"), connection);
            state("25P02", ignored -> query(connection, "SELECT 1"), connection);
            connection.rollback(savepoint);
            equal(query(connection, "SELECT viewname FROM pg_views WHERE viewname LIKE '%_view' AND schemaname = 'public'"), List.of("first_view"));
            connection.rollback();
            connection.setAutoCommit(true);
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            state("25006", ignored -> execute(connection, "CREATE VIEW never AS SELECT 1 AS one"), connection);
            connection.rollback();
            try (Connection other = connect("autosave", "always")) {
                other.setAutoCommit(false);
                state("42P01", ignored -> query(other, "SELECT * FROM nowhere"), other);
                equal(query(other, "SELECT 1"), List.of("1"));
                other.commit();
            }
        });
        CHECKS.put("warnings and errors", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP VIEW IF EXISTS nowhere");
                SQLWarning warning = statement.getWarnings();
                equal(warning.getMessage(), "view \"nowhere\" does not exist, skipping");
            }
            state("42P01", ignored -> query(connection, "SELECT * FROM nowhere"), connection);
            state("22P02", ignored -> query(connection, "SELECT 'x'::bigint"), connection);
        });
        CHECKS.put("simple mode, and schemas by the address", connection -> {
            try (Connection other = connect("preferQueryMode", "simple", "currentSchema", "crm,public", "ApplicationName", "plain")) {
                equal(query(other, "SELECT member_id FROM best ORDER BY 1"), List.of("abroad", "lunch"));
                equal(other.getSchema(), "crm");
                equal(query(other, "SHOW application_name"), List.of("plain"));
                try (PreparedStatement statement = other.prepareStatement("SELECT member_id FROM best WHERE points > ?")) {
                    statement.setBigDecimal(1, new BigDecimal("400.5"));
                    try (ResultSet result = statement.executeQuery()) {
                        result.next();
                        equal(result.getString(1), "abroad");
                    }
                }
                other.setSchema("public");
                equal(query(other, "SHOW search_path"), List.of("public"));
            }
        });
    }
}
