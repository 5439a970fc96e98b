-- The tables of a purchase history for PostgreSQL: step one of leaving Regulars; postgresql.sql is step two.
--
-- Identifiers are bigint here. Where yours are text:  sed 's/bigint/text/' tables.sql | psql …
-- Keep the columns that you have no values for: the functions ask for them, NULL is an answer. More columns do no harm.
--
-- members, purchases and purchase_lines lie in a schema of their own, because what goes by these names in public is a
-- view: it hides erased members and shows local time and business dates (postgresql.sql makes it). To fill them:
--
--     psql -h REGULARS --csv -c "SELECT purchase_id, member_id, store_id, purchased_at, channel, status, amount,
--                                       refund_of FROM purchases" regulars > purchases.csv
--     psql -c "\copy history.purchases (purchase_id, member_id, store_id, purchased_at, channel, status, amount,
--                                       refund_of) from purchases.csv (format csv, header match)" DATABASE
--
-- and so on, with the columns that you have; or write CSV from your Parquet files. Derived columns (local_at,
-- business_date, local_time, weekday, and what lines show of their receipt) are left out: the views compute them.

create schema if not exists history;

create table if not exists history.members (
    member_id bigint primary key,
    verified_at timestamptz,
    joined_on date,
    birthday date,
    email text,
    phone text,
    line_user_id text,
    loyalty_points numeric,
    loyalty_level text,
    business_customer_id bigint,
    home_store_id bigint,
    country text,
    locale text,
    erased_at timestamptz
);

create table if not exists history.purchases (
    purchase_id bigint primary key,
    member_id bigint,
    store_id bigint,
    purchased_at timestamptz not null,
    channel text,
    status text not null default 'completed',
    amount numeric,
    refund_of bigint
);

create table if not exists history.purchase_lines (
    purchase_id bigint not null,
    line_no integer,
    product_id bigint,
    quantity numeric not null,
    unit_price numeric,
    discount numeric,
    amount numeric not null
);

create table if not exists stores (
    store_id bigint primary key,
    name text,
    time_zone text,
    day_starts_at time,
    currency text
);

create table if not exists products (
    product_id bigint primary key,
    sku text,
    name text,
    category text
);

create table if not exists loyalty_levels (
    level text primary key,
    rank integer not null unique,
    points_from numeric,
    spend_from numeric
);

create table if not exists member_levels (
    member_id bigint not null,
    level text not null,
    reached_at timestamptz not null
);

create table if not exists consents (
    member_id bigint not null,
    channel text not null,
    status text not null,
    changed_at timestamptz not null
);

create table if not exists business_customers (
    business_customer_id bigint primary key,
    name text
);
