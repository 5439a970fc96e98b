// pgjdbc, made to send what it sends: the calls by which programs on JDBC browse and ask. What comes back is not looked at.

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;

public class Browse {
    interface Call {
        Object on(Connection connection) throws SQLException;
    }

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        for (int at = 0; at < options.length; at += 2) {
            properties.setProperty(options[at], options[at + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
            + System.getenv("PGDATABASE"), properties);
    }

    static void read(Object found) throws SQLException {
        if (found instanceof ResultSet rows) {
            int columns = rows.getMetaData().getColumnCount();
            while (rows.next()) {
                for (int column = 1; column <= columns; column++) {
                    rows.getObject(column);
                }
            }
            rows.close();
        }
    }

    static void call(Connection connection, String name, Call call) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SELECT 'mark: " + name + "'");
        }
        try {
            read(call.on(connection));
        } catch (SQLException error) { // PostgreSQL's answer counts, even when it is a refusal
            System.err.println(name + ": " + error.getMessage());
        }
    }

    static Call ask(String sql) {
        return connection -> {
            Statement statement = connection.createStatement();
            return statement.execute(sql) ? statement.getResultSet() : null;
        };
    }

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = connect("ApplicationName", "browsing")) {
            objects(connection, connection.getMetaData());
            details(connection, connection.getMetaData());
            results(connection);
        }
        try (Connection connection = connect("assumeMinServerVersion", "9.0")) {
            session(connection);
        }
        try (Connection connection = connect("autosave", "always", "preferQueryMode", "extendedForPrepared")) {
            connection.setAutoCommit(false);
            call(connection, "autosave", ask("SELECT member_id FROM gold ORDER BY 1"));
            call(connection, "autosave after an error", ask("SELECT nothing FROM gold"));
            call(connection, "autosave goes on", ask("SELECT count(*) FROM gold"));
            connection.commit();
        }
        try (Connection connection = connect("preferQueryMode", "simple")) {
            call(connection, "simple", on -> {
                PreparedStatement statement = on.prepareStatement("SELECT loyalty_points FROM gold WHERE member_id = ? AND loyalty_points < ?");
                statement.setString(1, "it's");
                statement.setLong(2, -5);
                return statement.executeQuery();
            });
        }
    }

    static void objects(Connection connection, DatabaseMetaData data) throws SQLException {
        call(connection, "getMaxColumnNameLength", on -> data.getMaxColumnNameLength());
        call(connection, "getSQLKeywords", on -> data.getSQLKeywords());
        call(connection, "getUserName", on -> data.getUserName());
        call(connection, "getCatalogs", on -> data.getCatalogs());
        call(connection, "getSchemas", on -> data.getSchemas());
        call(connection, "getSchemas like", on -> data.getSchemas(null, "p%"));
        call(connection, "getTables of public", on -> data.getTables(null, "public", "%", null));
        call(connection, "getTables, tables and views", on -> data.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}));
        call(connection, "getTables, each type", on -> data.getTables("regulars", "public", "%", new String[] {"TABLE", "PARTITIONED TABLE",
            "VIEW", "FOREIGN TABLE", "MATERIALIZED VIEW"}));
        call(connection, "getTables, one", on -> data.getTables(null, "public", "gold", null));
        call(connection, "getTables, an underscore", on -> data.getTables(null, "public", "gold\\_list", null));
        call(connection, "getTables, materialized views", on -> data.getTables(null, null, "%", new String[] {"MATERIALIZED VIEW"}));
        call(connection, "getTables, a quoted name", on -> data.getTables(null, "crm", "Big Spenders", null));
        call(connection, "getTables, indexes and sequences", on -> data.getTables(null, "public", "%", new String[] {"INDEX", "SEQUENCE", "TYPE"}));
        call(connection, "getTables, temporary", on -> data.getTables(null, null, "%", new String[] {"TEMPORARY TABLE", "TEMPORARY VIEW"}));
        call(connection, "getTables, a system table", on -> data.getTables(null, "pg_catalog", "pg_class", new String[] {"SYSTEM TABLE"}));
        call(connection, "getTables, a system view", on -> data.getTables(null, "information_schema", "columns", new String[] {"SYSTEM VIEW", "VIEW"}));
        call(connection, "getTables, nothing", on -> data.getTables(null, "nowhere", "%", null));
        call(connection, "getColumns of a table", on -> data.getColumns(null, "public", "members", null));
        call(connection, "getColumns of a segment", on -> data.getColumns(null, "public", "gold", "%"));
        call(connection, "getColumns of an audience", on -> data.getColumns(null, "public", "gold_list", null));
        call(connection, "getColumns, one", on -> data.getColumns("regulars", "public", "purchases", "purchased\\_at"));
        call(connection, "getColumns of a schema", on -> data.getColumns(null, "crm", "%", "%"));
        call(connection, "getColumns of another database", on -> data.getColumns("elsewhere", "public", "gold", "%"));
        call(connection, "getTableTypes", on -> data.getTableTypes());
    }

    static void details(Connection connection, DatabaseMetaData data) throws SQLException {
        call(connection, "getPrimaryKeys", on -> data.getPrimaryKeys(null, "public", "members"));
        call(connection, "getPrimaryKeys of a segment", on -> data.getPrimaryKeys("regulars", "public", "gold"));
        call(connection, "getImportedKeys", on -> data.getImportedKeys(null, "public", "purchases"));
        call(connection, "getExportedKeys", on -> data.getExportedKeys(null, "public", "members"));
        call(connection, "getCrossReference", on -> data.getCrossReference(null, "public", "members", null, "public", "purchases"));
        call(connection, "getIndexInfo", on -> data.getIndexInfo(null, "public", "gold_list", false, true));
        call(connection, "getIndexInfo, unique", on -> data.getIndexInfo(null, "public", "members", true, false));
        call(connection, "getBestRowIdentifier", on -> data.getBestRowIdentifier(null, "public", "gold", DatabaseMetaData.bestRowSession, true));
        call(connection, "getVersionColumns", on -> data.getVersionColumns(null, "public", "gold"));
        call(connection, "getTablePrivileges", on -> data.getTablePrivileges(null, "public", "gold"));
        call(connection, "getColumnPrivileges", on -> data.getColumnPrivileges(null, "public", "gold", "member_id"));
        call(connection, "getTypeInfo", on -> data.getTypeInfo());
        call(connection, "getUDTs", on -> data.getUDTs(null, "public", "%", null));
        call(connection, "getFunctions", on -> data.getFunctions(null, "pg_catalog", "pg\\_get\\_viewdef"));
        call(connection, "getFunctions of public", on -> data.getFunctions(null, "public", "%"));
        call(connection, "getFunctionColumns", on -> data.getFunctionColumns(null, "pg_catalog", "replace", null));
        call(connection, "getFunctionColumns, overloads", on -> data.getFunctionColumns(null, "pg_catalog", "pg_get_viewdef", null));
        call(connection, "getProcedures", on -> data.getProcedures(null, "public", "%"));
        call(connection, "getProcedureColumns", on -> data.getProcedureColumns(null, "pg_catalog", "initcap", null));
        call(connection, "getClientInfoProperties", on -> data.getClientInfoProperties());
        call(connection, "getDefaultTransactionIsolation", on -> data.getDefaultTransactionIsolation());
    }

    static void results(Connection connection) throws SQLException {
        call(connection, "metadata of a result", on -> {
            ResultSet rows = on.createStatement().executeQuery("SELECT member_id, loyalty_points AS points FROM public.gold ORDER BY 1");
            ResultSetMetaData columns = rows.getMetaData();
            for (int column = 1; column <= columns.getColumnCount(); column++) {
                columns.getTableName(column);
                columns.getColumnTypeName(column);
                columns.isNullable(column);
                columns.isAutoIncrement(column);
            }
            return rows;
        });
        call(connection, "types that the driver does not know", ask("SELECT 'gold'::regclass::text,"
            + " proargtypes, proargmodes FROM pg_catalog.pg_proc WHERE proname = 'lower' AND pronargs = 1 AND prorettype = 'text'::regtype"));
        call(connection, "regclass", ask("SELECT c.relnamespace::regnamespace, c.relowner::regrole, a.atttypid::regtype"
            + " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' ORDER BY a.attnum"));
        call(connection, "an array of an interval", ask("SELECT ARRAY['1 day'::interval], ARRAY[1.5], ARRAY[date '2028-02-29']"));
        call(connection, "createArrayOf", on -> {
            PreparedStatement statement = on.prepareStatement("SELECT member_id FROM members WHERE member_id = ANY (?) ORDER BY 1");
            statement.setArray(1, on.createArrayOf("text", new String[] {"lunch", "night"}));
            return statement.executeQuery();
        });
        call(connection, "an updatable result", on -> {
            Statement statement = on.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
            ResultSet rows = statement.executeQuery("SELECT member_id, loyalty_points FROM members");
            rows.first();
            rows.updateLong(2, 1);
            return null;
        });
        call(connection, "escapes: time", ask("SELECT {d '2028-02-29'}, {t '08:30:00'}, {ts '2028-02-29 08:30:00'},"
            + " {fn dayofweek({d '2028-02-29'})}, {fn dayname({d '2028-02-29'})}, {fn quarter({d '2028-02-29'})}, {fn week({d '2028-02-29'})}"));
        call(connection, "escapes: more time", ask("SELECT {fn year({d '2028-02-29'})}, {fn month({d '2028-02-29'})}, {fn dayofmonth({d '2028-02-29'})},"
            + " {fn dayofyear({d '2028-02-29'})}, {fn hour({ts '2028-02-29 08:30:15'})}, {fn monthname({d '2028-02-29'})}"));
        call(connection, "escapes: timestampadd", ask("SELECT {fn timestampadd(SQL_TSI_DAY, 3, {ts '2028-02-29 08:30:00'})},"
            + " {fn timestampadd(SQL_TSI_MONTH, 1, {ts '2028-02-29 08:30:00'})}, {fn timestampdiff(SQL_TSI_HOUR, {ts '2028-02-28 08:30:00'}, {ts '2028-02-29 09:30:00'})}"));
        call(connection, "escapes: text", ask("SELECT {fn concat('a', 'b')}, {fn lcase('Å')}, {fn left('lunch', 2)}, {fn length('lunch')}, {fn locate('n', 'lunch')},"
            + " {fn ltrim('  a')}, {fn right('lunch', 2)}, {fn space(3)}, {fn substring('lunch', 2, 3)}, {fn ucase('å')}, {fn insert('lunch', 1, 2, 'br')}"));
        call(connection, "escapes: numbers", ask("SELECT {fn ceiling(1.2)}, {fn log(1.0)}, {fn log10(100.0)}, {fn power(2, 3)}, {fn truncate(1.55, 1)},"
            + " {fn mod(7, 3)}, {fn abs(-1)}, {fn sign(-2.0)}, {fn round(1.234, 2)}, {fn ifnull(NULL, 1)}, {fn database()}, {fn user()}"));
        call(connection, "escapes: outer join", ask("SELECT g.member_id, l.member_id FROM {oj gold g LEFT OUTER JOIN gold_list l ON g.member_id = l.member_id} ORDER BY 1"));
        call(connection, "escapes: like", ask("SELECT member_id FROM gold WHERE member_id LIKE 'lu|_%' {escape '|'} OR member_id LIKE 'lun%' {escape '|'} ORDER BY 1"));
        call(connection, "a function, out", on -> {
            CallableStatement statement = on.prepareCall("{? = call upper(?)}");
            statement.registerOutParameter(1, java.sql.Types.VARCHAR);
            statement.setString(2, "lunch");
            statement.execute();
            return null;
        });
        call(connection, "metadata of parameters", on -> {
            PreparedStatement statement = on.prepareStatement("SELECT count(*) FROM members WHERE loyalty_points > ? AND joined_on < ?");
            statement.getParameterMetaData().getParameterTypeName(2);
            statement.setLong(1, 10);
            statement.setDate(2, java.sql.Date.valueOf("2026-06-01"));
            return statement.executeQuery();
        });
        call(connection, "setMaxRows", on -> {
            Statement statement = on.createStatement();
            statement.setMaxRows(1);
            return statement.executeQuery("SELECT member_id FROM gold ORDER BY member_id");
        });
    }

    static void session(Connection connection) throws SQLException {
        call(connection, "isValid", on -> on.isValid(5));
        call(connection, "getTransactionIsolation", on -> on.getTransactionIsolation());
        call(connection, "getSchema", on -> on.getSchema());
        call(connection, "getCatalog", on -> on.getCatalog());
        call(connection, "setSchema", on -> {
            on.setSchema("crm");
            return on.getSchema();
        });
        call(connection, "setSchema back", on -> {
            on.setSchema("public");
            return null;
        });
        call(connection, "setClientInfo", on -> {
            on.setClientInfo("ApplicationName", "browsing it's");
            return null;
        });
        for (int level : new int[] {Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE,
            Connection.TRANSACTION_READ_COMMITTED}) {
            call(connection, "setTransactionIsolation " + level, on -> {
                on.setTransactionIsolation(level);
                return on.getTransactionIsolation();
            });
        }
        call(connection, "setReadOnly", on -> {
            on.setReadOnly(true);
            return on.createStatement().executeQuery("SHOW transaction_read_only");
        });
        call(connection, "setReadOnly in a transaction", on -> {
            on.setAutoCommit(false);
            read(on.createStatement().executeQuery("SELECT count(*) FROM members"));
            on.commit();
            on.setAutoCommit(true);
            on.setReadOnly(false);
            return null;
        });
        call(connection, "a savepoint", on -> {
            on.setAutoCommit(false);
            Savepoint point = on.setSavepoint();
            Savepoint named = on.setSavepoint("of \"mine\"");
            on.rollback(named);
            on.releaseSavepoint(point);
            on.rollback();
            on.setAutoCommit(true);
            return null;
        });
        call(connection, "portions", on -> {
            on.setAutoCommit(false);
            Statement statement = on.createStatement();
            statement.setFetchSize(1);
            read(statement.executeQuery("SELECT member_id FROM members ORDER BY 1"));
            on.commit();
            on.setAutoCommit(true);
            return null;
        });
        call(connection, "several statements", on -> {
            Statement statement = on.createStatement();
            statement.execute("SELECT 1; SELECT member_id FROM gold ORDER BY 1");
            return null;
        });
        call(connection, "a segment", ask("CREATE VIEW browsed AS SELECT member_id FROM members WHERE loyalty_points > 100"));
        call(connection, "a comment", ask("COMMENT ON VIEW browsed IS 'Browsed'"));
        call(connection, "the segment", ask("SELECT member_id FROM browsed ORDER BY 1"));
        call(connection, "the segment goes", ask("DROP VIEW browsed"));
        call(connection, "abort", on -> on.getMetaData().getURL());
    }
}
