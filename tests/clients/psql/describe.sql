-- What psql's backslash commands say about these views and the history. Played by psql against Regulars and, to write
-- the expectation, against PostgreSQL.
CREATE VIEW gold AS  SELECT members.member_id,
    members.loyalty_points
   FROM members
  WHERE members.loyalty_level = 'gold'::text;
CREATE VIEW visits AS  SELECT purchases.member_id,
    count(*) AS visits,
    max(purchases.purchased_at) AS last_at,
    max(purchases.business_date) AS last_on
   FROM purchases
  GROUP BY purchases.member_id;
CREATE SCHEMA crm;
CREATE VIEW crm."Big Spenders" AS  SELECT gold.member_id
   FROM gold;
COMMENT ON VIEW gold IS 'Members of level gold';
\echo '== \\d'
\d
\echo '== \\d members'
\d members
\echo '== \\d purchases'
\d purchases
\echo '== \\d purchase_lines'
\d purchase_lines
\echo '== \\d stores'
\d stores
\echo '== \\d gold'
\d gold
\echo '== \\d visits'
\d visits
\echo '== \\d+ visits'
\d+ visits
\echo '== \\d+ gold'
\d+ gold
\echo '== \\d crm."Big Spenders"'
\d crm."Big Spenders"
\echo '== \\d+ crm."Big Spenders"'
\d+ crm."Big Spenders"
\echo '== \\d nowhere'
\d nowhere
\echo '== \\dv'
\dv
\echo '== \\dv crm.*'
\dv crm.*
\echo '== \\dt'
\dt
\echo '== \\dt mem*'
\dt mem*
\echo '== \\dn'
\dn
\echo '== \\l'
\l regulars
\echo '== \\sv gold'
\sv gold
\echo '== \\dm'
\dm
\echo '== variables'
\echo :DBNAME :USER
\echo '== results'
SELECT member_id, joined_on, verified_at, loyalty_points, erased_at IS NULL AS here FROM members WHERE member_id IN ('lunch', 'night') ORDER BY member_id;
\x on
SELECT purchase_id, purchased_at, amount, local_at, business_date, local_time, weekday FROM purchases WHERE purchase_id = 'night-bar';
\x off
\pset null '(null)'
\pset format unaligned
SELECT NULL AS nothing, '' AS empty, true AS yes, 1.50::numeric(10,2) AS price, 'å' AS letter;
\gdesc
SELECT 'a' AS "Name", 2 AS two \gset prefix_
\echo :prefix_Name :prefix_two
DROP VIEW gold CASCADE;
DROP VIEW visits;
DROP SCHEMA crm;
