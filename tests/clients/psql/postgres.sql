-- The history of data/small as tables of PostgreSQL, with the columns of the contract: for writing the expectation.
ALTER SCHEMA public OWNER TO ada;
CREATE SCHEMA regulars;
SET TimeZone = 'UTC';
CREATE TABLE members (
    member_id text, verified_at timestamptz, joined_on date, birthday date, email text, phone text, line_user_id text,
    loyalty_points bigint, loyalty_level text, business_customer_id text, home_store_id text, country text, locale text,
    erased_at timestamptz
);
INSERT INTO members (member_id, joined_on, verified_at, loyalty_points)
VALUES ('lunch', '2025-01-10', '2025-01-10 09:00:00+00', 320), ('night', '2026-11-01', NULL, 0);
CREATE TABLE stores (store_id text, time_zone text, name text, day_starts_at time, currency text);
CREATE TABLE products (product_id text, sku text, name text, category text);
CREATE TABLE purchases (
    purchase_id text, member_id text, store_id text, purchased_at timestamptz, channel text, status text,
    amount numeric(18,2), refund_of text, local_at timestamp, business_date date, local_time time, weekday smallint,
    currency text
);
INSERT INTO purchases (purchase_id, purchased_at, amount, local_at, business_date, local_time, weekday)
VALUES ('night-bar', '2026-11-14 00:00:00+00', 138.00, '2026-11-14 01:00:00', '2026-11-13', '01:00:00', 5);
CREATE TABLE purchase_lines (
    purchase_id text, product_id text, quantity bigint, amount numeric(18,2), line_no bigint, discount numeric(18,2),
    member_id text, store_id text, channel text, purchased_at timestamptz, status text, local_at timestamp,
    business_date date, local_time time, weekday smallint
);
CREATE TABLE loyalty_levels (level text, rank integer, points_from bigint, spend_from numeric(18,2));
CREATE TABLE member_levels (member_id text, level text, reached_at timestamptz);
CREATE TABLE consents (member_id text, channel text, status text, changed_at timestamptz);
CREATE TABLE business_customers (business_customer_id text, name text);
