// pgjdbc: the duties by PreparedStatement, CopyManager, DatabaseMetaData; the statements are those of duties.py.

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

public class Duties {
    interface Duty {
        void run(Connection connection) throws Exception;
    }

    static final Map<String, Duty> DUTIES = new LinkedHashMap<>();
    static final String NUMERIC = "12345678901234567890.123456789";
    static final String LONG = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b";
    static final List<String> TABLES = List.of("business_customers", "consents", "loyalty_levels", "member_levels", "members",
        "products", "purchase_lines", "purchases", "stores");

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("sslmode", "verify-full");
        properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        for (int at = 0; at < options.length; at += 2) {
            properties.setProperty(options[at], options[at + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://localhost:" + System.getenv("PGPORT") + "/regulars", properties);
    }

    static void equal(Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static SQLException refused(Connection connection, String sql) {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException error) {
            return error;
        }
        throw new AssertionError("not refused");
    }

    /** All rows of a query, their columns with `|` between. */
    static List<String> ask(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return rows(statement.executeQuery(sql));
        }
    }

    static List<String> rows(ResultSet result, String... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (result.next()) {
            List<String> row = new ArrayList<>();
            for (int at = 1; columns.length == 0 && at <= result.getMetaData().getColumnCount(); at++) {
                row.add(result.getString(at));
            }
            for (String column : columns) {
                row.add(result.getString(column));
            }
            rows.add(String.join("|", row.stream().map(String::valueOf).toList()));
        }
        return rows;
    }

    static void parameters(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::text, ?::bigint, ?::date")) {
            statement.setString(1, "it's \"å\"");
            statement.setLong(2, 9007199254740993L);
            statement.setObject(3, LocalDate.of(2028, 2, 29));
            ResultSet result = statement.executeQuery();
            result.next();
            equal(result.getString(1), "it's \"å\"");
            equal(result.getLong(2), 9007199254740993L);
            equal(result.getObject(3, LocalDate.class), LocalDate.of(2028, 2, 29));
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT member_id FROM members WHERE loyalty_level = ? ORDER BY 1")) {
            statement.setString(1, "gold");
            equal(rows(statement.executeQuery()), List.of("abroad", "lunch"));
        }
    }

    /** With a transfer of its own for each: text, then binary from the first execution. */
    static void both(Duty duty) throws Exception {
        for (String threshold : List.of("0", "-1")) {
            try (Connection connection = connect("prepareThreshold", threshold)) {
                duty.run(connection);
            }
        }
    }

    static void reading() {
        DUTIES.put("sign-in", connection -> {
            equal(ask(connection, "SELECT current_user"), List.of("admin"));
            connect("channelBinding", "prefer").close();
        });
        DUTIES.put("wrong-password", connection -> {
            try {
                connect("password", "wrong").close();
            } catch (PSQLException error) {
                equal(error.getSQLState(), "28P01");
                equal(error.getServerErrorMessage().getMessage(), "password authentication failed for user \"admin\"");
                return;
            }
            throw new AssertionError("let in");
        });
        DUTIES.put("simple", connection -> {
            try (Connection simple = connect("preferQueryMode", "simple"); Statement statement = simple.createStatement()) {
                ResultSet result = statement.executeQuery("SELECT 1 AS one, 'å' AS word");
                equal(rows(result, "one", "word"), List.of("1|å"));
            }
        });
        DUTIES.put("parameters-text", connection -> {
            try (Connection text = connect("prepareThreshold", "0", "binaryTransfer", "false")) {
                parameters(text);
            }
        });
        DUTIES.put("parameters-binary", connection -> {
            try (Connection binary = connect("prepareThreshold", "-1")) {
                parameters(binary);
            }
        });
        DUTIES.put("null", connection -> both(either -> {
            PreparedStatement statement = either.prepareStatement("SELECT NULL::bigint, NULL::text, coalesce(?::text, 'none')");
            statement.setNull(1, Types.VARCHAR);
            ResultSet result = statement.executeQuery();
            result.next();
            result.getLong(1);
            equal(result.wasNull(), true);
            equal(result.getString(2), null);
            equal(result.getString(3), "none");
        }));
        DUTIES.put("numeric", connection -> both(either -> {
            PreparedStatement statement = either.prepareStatement("SELECT " + NUMERIC + "::numeric, ?::numeric");
            statement.setBigDecimal(1, new BigDecimal(NUMERIC));
            ResultSet result = statement.executeQuery();
            result.next();
            equal(result.getBigDecimal(1), new BigDecimal(NUMERIC));
            equal(result.getBigDecimal(2), new BigDecimal(NUMERIC));
        }));
        DUTIES.put("timestamptz", connection -> both(either -> {
            OffsetDateTime instant = OffsetDateTime.parse("2026-10-25T00:30:00.123456Z");
            PreparedStatement statement = either.prepareStatement("SELECT timestamptz '2026-10-25 00:30:00.123456+00', ?::timestamptz");
            statement.setObject(1, instant);
            ResultSet result = statement.executeQuery();
            result.next();
            equal(result.getObject(1, OffsetDateTime.class).toInstant(), instant.toInstant());
            equal(result.getObject(2, OffsetDateTime.class).toInstant(), instant.toInstant());
        }));
        DUTIES.put("array", connection -> both(either -> {
            String[] words = {"a", null, "b\"c", "d,e", "å"};
            Long[] numbers = {1L, null, -9007199254740993L};
            PreparedStatement statement = either.prepareStatement("SELECT ?::text[], ?::bigint[]");
            Array sent = either.createArrayOf("text", words);
            statement.setArray(1, sent);
            statement.setArray(2, either.createArrayOf("bigint", numbers));
            ResultSet result = statement.executeQuery();
            result.next();
            equal(Arrays.asList((Object[]) result.getArray(1).getArray()), Arrays.asList((Object[]) words));
            equal(Arrays.asList((Object[]) result.getArray(2).getArray()), Arrays.asList((Object[]) numbers));
        }));
    }

    static void conversing() {
        DUTIES.put("error", connection -> {
            SQLException told = refused(connection, "DROP VIEW gold");
            equal(told.getSQLState(), "2BP01");
            equal(((PSQLException) told).getServerErrorMessage().getHint(), "Use DROP ... CASCADE to drop the dependent objects too.");
            equal(ask(connection, "SELECT 1"), List.of("1"));
        });
        DUTIES.put("cancel", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.setQueryTimeout(1);
                statement.executeQuery(LONG);
            } catch (SQLException error) {
                equal(error.getSQLState(), "57014");
                equal(ask(connection, "SELECT 1"), List.of("1"));
                return;
            }
            throw new AssertionError("not ended");
        });
        DUTIES.put("copy-out", connection -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            connection.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', ''))"
                + " AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)", out);
            equal(out.toString(StandardCharsets.UTF_8), "a,b,c\n1,\"x,y\",\n2,å,\"\"\n");
        });
        DUTIES.put("portions", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(1000);
                ResultSet result = statement.executeQuery("SELECT g FROM generate_series(1, 100000) g");
                long sum = 0;
                while (result.next()) {
                    sum += result.getLong(1);
                }
                equal(sum, 5000050000L);
            }
            connection.commit();
        });
        DUTIES.put("cursor", connection -> {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g");
            }
            equal(ask(connection, "FETCH 3 FROM c"), List.of("1", "2", "3"));
            try (Statement statement = connection.createStatement()) {
                equal(statement.executeUpdate("MOVE 4 IN c"), 4);
            }
            equal(ask(connection, "FETCH 2 FROM c"), List.of("8", "9"));
            try (Statement statement = connection.createStatement()) {
                statement.execute("CLOSE c");
            }
            connection.commit();
        });
        DUTIES.put("failed-transaction", connection -> {
            connection.setAutoCommit(false);
            equal(refused(connection, "SELECT 1 / 0").getSQLState(), "22012");
            equal(refused(connection, "SELECT 1").getSQLState(), "25P02");
            connection.rollback();
            equal(ask(connection, "SELECT 1"), List.of("1"));
        });
        DUTIES.put("notice", connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP VIEW IF EXISTS nothing");
                equal(statement.getWarnings().getMessage(), "view \"nothing\" does not exist, skipping");
            }
        });
    }

    static void defining() {
        DUTIES.put("tables", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"), TABLES);
            equal(rows(data.getColumns(null, "public", "members", "loyalty_points"), "TYPE_NAME", "DATA_TYPE"), List.of("int8|" + Types.BIGINT));
        });
        DUTIES.put("segments", connection -> {
            DatabaseMetaData data = connection.getMetaData();
            equal(rows(data.getTables(null, "public", "%", new String[] {"VIEW"}), "TABLE_NAME", "REMARKS"), List.of("gold|Gold members"));
            equal(rows(data.getColumns(null, "public", "gold", "%"), "COLUMN_NAME", "TYPE_NAME", "REMARKS"),
                List.of("member_id|text|who", "loyalty_points|int8|null"));
            String definition = ask(connection, "SELECT pg_get_viewdef('gold'::regclass)").get(0);
            equal(definition.contains("loyalty_level = 'gold'"), true);
        });
        DUTIES.put("audiences", connection -> equal(rows(connection.getMetaData().getTables(null, "public", "%",
            new String[] {"MATERIALIZED VIEW"}), "TABLE_NAME"), List.of("gold_list")));
        DUTIES.put("create-segment", connection -> {
            try (Statement statement = connection.createStatement()) {
                equal(statement.executeUpdate("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400"), 0);
                equal(ask(connection, "SELECT count(*) FROM rich"), ask(connection, "SELECT count(*) FROM members WHERE loyalty_points > 400"));
                statement.execute("DROP VIEW rich");
            }
            equal(refused(connection, "SELECT 1 FROM rich").getSQLState(), "42P01");
        });
        DUTIES.put("refresh-audience", connection -> {
            String run = "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'";
            long before = Long.parseLong(ask(connection, run).get(0).split("\\|")[0]);
            try (Statement statement = connection.createStatement()) {
                statement.execute("REFRESH MATERIALIZED VIEW gold_list");
            }
            equal(ask(connection, run), List.of((before + 1) + "|2"));
        });
    }

    public static void main(String[] arguments) throws Exception {
        reading();
        conversing();
        defining();
        try (Connection connection = connect()) {
            System.out.println("client " + connection.getMetaData().getDriverVersion());
        }
        boolean failed = false;
        for (Map.Entry<String, Duty> duty : DUTIES.entrySet()) {
            try (Connection connection = connect()) {
                duty.getValue().run(connection);
                System.out.println("ok " + duty.getKey());
            } catch (Exception | AssertionError error) {
                failed = true;
                System.out.println("FAILED " + duty.getKey() + ": " + String.valueOf(error).replace('\n', ' '));
            }
        }
        System.exit(failed ? 1 : 0);
    }
}
