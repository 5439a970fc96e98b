"""The first messages of a connection, and its last."""

import struct

from conversations import talk
from protocol import SYNC, TERMINATE, bind, execute, message, packet, parse, query, startup, text

SSL_REQUEST = packet(struct.pack("!i", 80877103))
GSS_REQUEST = packet(struct.pack("!i", 80877104))


@talk
def starting_plainly(connection):
    connection().log_in()


@talk
def starting_with_settings(connection):
    one = connection()
    one.log_in(application_name="Kassa 7", DateStyle="German", TimeZone="Europe/Stockholm", IntervalStyle="iso_8601")
    for name in ("application_name", "DateStyle", "TimeZone", "IntervalStyle"):
        one.ask(query(f"SHOW {name}"))


@talk
def starting_with_options(connection):
    one = connection()
    one.log_in(options=r"-c DateStyle=SQL,DMY --statement-timeout=90s -capplication_name=till\ seven")
    for name in ("DateStyle", "statement_timeout", "application_name"):
        one.ask(query(f"SHOW {name}"))


@talk
def a_named_setting_wins_over_options(connection):
    one = connection()
    one.log_in(options="-c TimeZone=Asia/Tokyo", TimeZone="Europe/Oslo")
    one.ask(query("SHOW TimeZone"))


@talk
def what_reset_goes_back_to(connection):
    one = connection()
    one.log_in(TimeZone="Asia/Tokyo", application_name="first")
    one.ask(query("SET TimeZone = 'UTC'; SET application_name = 'second'"))
    one.ask(query("RESET TimeZone"))
    one.ask(query("RESET ALL"))
    one.ask(query("SHOW TimeZone"))


@talk
def a_newer_minor_version_is_negotiated(connection):
    one = connection()
    one.log_in(0x30002)
    one.ask(query("SELECT 1"))


@talk
def unknown_protocol_options_are_told(connection):
    connection().log_in(0x30000, **{"_pq_.magic": "1", "_pq_.more": "2"})


@talk
def both_negotiated(connection):
    connection().log_in(0x30009, **{"_pq_.magic": "1"})


@talk
def another_major_version(connection):
    connection().knock(startup(0x40000, user="ada", database="regulars"))


@talk
def no_user(connection):
    connection().knock(startup(database="regulars"))


@talk
def encryption_declined_then_in_the_clear(connection):
    one = connection().connect()
    for request in (GSS_REQUEST, SSL_REQUEST):
        one.wire.send(request)
        one.byte()
    one.wire.send(startup(user="ada", database="regulars"))
    one.hear(b"Z")
    one.ask(query("SELECT 1"))


@talk
def a_startup_without_its_end(connection):
    connection().knock(packet(struct.pack("!i", 0x30000) + text("user") + text("ada")))


@talk
def a_cancel_request_for_nobody_is_answered_by_nothing(connection):
    connection().knock(packet(struct.pack("!iii", 80877102, 2**31 - 1, 7)))


@talk
def terminate_ends_in_silence(connection):
    one = connection().open()
    one.wire.send(TERMINATE)
    one.hear(b"Z")


@talk
def terminate_rolls_back(connection):
    one, other = connection().open(), connection().open()
    one.ask(query("BEGIN"))
    one.ask(query("CREATE VIEW left_behind AS SELECT 1 AS one"))
    one.wire.send(TERMINATE)
    one.hear(b"Z")
    other.ask(query("SELECT count(*) FROM pg_class WHERE relname = 'left_behind'"))


@talk
def messages_sent_with_the_startup(connection):
    one = connection()
    one.knock(startup(user="ada", database="regulars") + query("SELECT 1") + parse("SELECT 2") + bind() + execute() + SYNC)
    one.hear(b"Z")
    one.hear(b"Z")


@talk
def an_unknown_message_ends_the_connection(connection):
    one = connection().open()
    one.wire.send(message(b"y"))
    one.hear(b"Z")
