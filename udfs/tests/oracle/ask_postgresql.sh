#!/bin/sh
# Asks a PostgreSQL for the answers that the tests in ../functions/oracle.rs expect, and writes them beside this script.
# Usage: ask_postgresql.sh [psql options], for instance: ask_postgresql.sh -h localhost -U postgres
# Made with PostgreSQL 15.18 and time zone data 2025b. Nothing is created in the database but temporary relations.
set -eu
cd "$(dirname "$0")"

psql -X -q -v ON_ERROR_STOP=1 "$@" <<'SQL'
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE TEMP TABLE zone(name text);
INSERT INTO zone VALUES ('Europe/Stockholm'), ('America/New_York'), ('Australia/Lord_Howe'), ('Pacific/Apia'),
    ('Africa/Casablanca'), ('Asia/Taipei'), ('America/Sao_Paulo');

-- Each change of the clocks from 1990 to 2026: days whose offset differs from the next day's, then the half hour.
CREATE TEMP TABLE change AS
WITH day AS (
    SELECT name, t FROM zone, generate_series(timestamptz '1990-01-01', timestamptz '2026-12-31', interval '1 day') AS t
), changing AS (
    SELECT name, t FROM day
    WHERE (t AT TIME ZONE name) + interval '1 day' <> (t + interval '1 day') AT TIME ZONE name
)
SELECT name, h AS at, row_number() OVER (ORDER BY name, h) AS number
FROM changing, generate_series(t + interval '30 minutes', t + interval '1 day', interval '30 minutes') AS h
WHERE ((h - interval '1 microsecond') AT TIME ZONE name) + interval '1 microsecond' <> h AT TIME ZONE name;

-- Every second change, just before it, at it, and a few hours later, where the business day begins.
CREATE TEMP VIEW instant AS
SELECT name, at + s.shift AS instant FROM change,
    unnest(ARRAY[interval '-1 microsecond', interval '0', interval '3 hours 29 minutes']) AS s(shift)
WHERE number % 2 = 0
UNION ALL
SELECT name, timestamptz '2026-11-14 02:59:59.5Z' FROM zone;

-- Every third change, from just before the clocks' two readings until after them.
CREATE TEMP VIEW local_time AS
SELECT name, least(((at - interval '1 microsecond') AT TIME ZONE name) + interval '1 microsecond', at AT TIME ZONE name)
    + s.shift AS local_at
FROM change, unnest(ARRAY[interval '-1 microsecond', interval '0', interval '29 minutes', interval '30 minutes',
    interval '59 minutes 59.999999 seconds', interval '1 hour', interval '61 minutes']) AS s(shift)
WHERE number % 3 = 0;

-- The next anniversary of a date on or after another.
CREATE FUNCTION pg_temp.next_birthday(b date, asof date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN c >= asof THEN c ELSE (b + make_interval(years => y + 1))::date END
    FROM (SELECT y, (b + make_interval(years => y))::date AS c
          FROM (SELECT extract(year FROM asof)::int - extract(year FROM b)::int AS y) AS years) AS this_year
$$;

\copy (SELECT instant, name AS zone, instant AT TIME ZONE name AS local_at, ((instant AT TIME ZONE name) - (time '04:00' - time '00:00'))::date AS business_date, extract(isodow FROM ((instant AT TIME ZONE name) - (time '04:00' - time '00:00'))::date) AS weekday, ((instant AT TIME ZONE name) - (time '06:30' - time '00:00'))::date AS business_date_0630 FROM instant ORDER BY name, instant) TO 'instants.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT local_at, name AS zone, local_at AT TIME ZONE name AS instant FROM local_time ORDER BY name, local_at) TO 'local_times.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT b::date AS date, a::date AS asof, pg_temp.next_birthday(b::date, a::date) AS next FROM unnest(ARRAY[date '1992-02-29', '2000-02-29', '1985-01-01', '1990-12-31', '1988-06-15', '1969-02-28', '1955-03-01', '2040-02-29']) AS b, unnest(ARRAY[date '2023-12-31', '2024-01-01', '2024-02-28', '2024-02-29', '2024-03-01', '2026-01-01', '2026-02-27', '2026-02-28', '2026-03-01', '2026-06-15', '2026-06-16', '2026-12-31', '2100-02-28', '2100-03-01']) AS a ORDER BY 1, 2) TO 'anniversaries.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT f AS from, t AS to, at AS time, CASE WHEN f < t THEN at >= f AND at < t WHEN f > t THEN at >= f OR at < t ELSE true END AS inside FROM (VALUES (time '11:00', time '14:00'), ('22:00', '02:00'), ('00:00', '24:00'), ('20:00', '24:00'), ('09:30', '09:30'), ('00:00', '00:01'), ('23:59', '00:00')) AS w(f, t), unnest(ARRAY[time '00:00', '00:00:59.999999', '01:59:59', '02:00', '09:30', '10:59:59.999999', '11:00', '13:59:59.999999', '14:00', '20:00', '21:59', '22:00', '23:59:59.999999']) AS u(at) ORDER BY 1, 2, 3) TO 'windows.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT name AS zone, timestamptz '2024-01-15 12:00Z' AT TIME ZONE name AS january, timestamptz '2024-07-15 12:00Z' AT TIME ZONE name AS july FROM pg_timezone_names WHERE name NOT IN ('Factory', 'localtime', 'posixrules') AND name !~ '^(posix|right)/' ORDER BY name COLLATE "C") TO 'zones.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT abbrev, extract(epoch FROM utc_offset)::int AS seconds FROM pg_timezone_abbrevs WHERE abbrev IN ('UTC', 'UCT', 'UT', 'Z', 'ZULU', 'GMT', 'WET', 'BST', 'CET', 'MET', 'CEST', 'MEST', 'EET', 'EEST', 'NST', 'NDT', 'AST', 'ADT', 'EST', 'EDT', 'CST', 'CDT', 'MST', 'MDT', 'PST', 'PDT', 'AKST', 'AKDT', 'HST', 'HKT', 'AWST', 'JST', 'KST', 'ACST', 'ACDT', 'AEST', 'AEDT', 'NZST', 'NZDT') ORDER BY 1) TO 'abbreviations.csv' WITH (FORMAT csv, HEADER)
SQL
