"""Reflection for clients that have none of their own: what their users ask of information_schema and pg_catalog."""

from asking import duty, equal
from duties import TABLES

NOTE = "by information_schema and pg_catalog: the client has no reflection of its own"


def register(ask):
    """`ask` gives the rows of a query as tuples."""

    @duty("tables")
    def tables():
        found = ask("SELECT table_name FROM information_schema.tables"
                    " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name")
        equal([row[0] for row in found], TABLES)
        found = ask("SELECT data_type FROM information_schema.columns WHERE table_schema = 'public'"
                    " AND table_name = 'members' AND column_name = 'loyalty_points'")
        equal([tuple(row) for row in found], [("bigint",)])

    @duty("segments")
    def segments():
        found = ask("SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)"
                    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum")
        equal([tuple(row) for row in found], [("v", "member_id", "text", "who"), ("v", "loyalty_points", "bigint", None)])
        (definition, comment), = ask("SELECT pg_get_viewdef('gold'::regclass), obj_description('gold'::regclass)")
        assert "loyalty_level = 'gold'" in definition, definition
        equal(comment, "Gold members")

    @duty("audiences")
    def audiences():
        found = ask("SELECT schemaname::text, matviewname::text, ispopulated FROM pg_matviews")
        equal([tuple(row) for row in found], [("public", "gold_list", True)])
        found = ask("SELECT relkind::text FROM pg_class WHERE relname = 'gold_list'")
        equal([tuple(row) for row in found], [("m",)])
