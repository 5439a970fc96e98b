-- Made by make.py: the rows of this folder for PostgreSQL, with the derived columns of the contract.

create schema history;

create table history.members (
    member_id text,
    joined_on date,
    verified_at timestamptz,
    birthday date,
    email text,
    phone text,
    line_user_id text,
    loyalty_points bigint,
    loyalty_level text,
    business_customer_id text,
    home_store_id text,
    country text,
    locale text,
    erased_at timestamptz
);
insert into history.members values
    ('lunch', '2025-01-10', '2025-01-10 09:00:00+00', '1992-02-29', 'lunch@example.com', '+46701740605', null, 320, 'gold', null, 'sthlm', 'SE', 'sv-SE', null),
    ('split', '2025-05-01', '2025-05-02 10:00:00+00', '1990-12-30', 'split@example.com', null, null, 140, 'silver', 'office', 'sthlm', null, 'sv-SE', null),
    ('night', '2026-11-01', null, '1985-01-03', null, '+46701740606', null, 0, null, null, 'bar', 'SE', 'en-GB', null),
    ('returned', '2026-06-01', '2026-06-01 12:00:00+00', null, 'returned@example.org', null, null, 3, 'bronze', null, 'sthlm', 'NO', 'nb-NO', null),
    ('partly', '2024-01-01', '2024-02-29 23:30:00+00', '2000-02-29', null, null, null, 9, 'bronze', 'office', 'sthlm', 'SE', null, null),
    ('loose', '2024-06-15', null, '1979-11-20', '', '+46701740607', null, 0, null, null, null, 'DK', 'da-DK', null),
    ('never', '2024-01-01', '2024-01-05 08:00:00+00', '1988-06-15', 'never@example.com', null, null, 0, 'bronze', 'yard', 'newyork', 'US', 'en-US', null),
    ('late', '2026-03-03', '2026-03-03 03:03:00+00', '1999-12-31', null, null, 'U0123456789abcdef0123456789abcdef', 60, 'bronze', null, 'taipei', 'TW', 'zh-TW', null),
    ('clock', '2025-03-30', null, '1970-03-29', null, null, null, 0, null, null, 'sthlm', 'SE', 'sv-SE', null),
    ('header', '2023-09-09', '2023-09-09 20:15:00+00', '2001-01-01', 'header@example.com', null, null, 12, 'bronze', null, 'sthlm', null, null, null),
    ('free', '2026-09-10', '2026-09-10 06:00:00+00', null, 'free@example.org', null, null, 0, 'bronze', null, 'sthlm', 'FI', 'fi-FI', null),
    ('voided', '2026-09-01', null, '1995-05-05', null, null, null, 0, null, null, 'sthlm', 'SE', 'sv-SE', null),
    ('abroad', '2025-08-08', '2025-08-08 17:45:00+00', '1982-11-26', 'abroad@example.com', '+12125550100', null, 410, 'gold', null, 'newyork', 'US', 'es-US', null),
    ('valley', '2026-01-15', null, '1993-11-21', null, null, null, 0, null, null, 'kathmandu', 'NP', 'ne-NP', null),
    ('regular', '2025-11-01', '2025-11-01 07:30:00+00', '1968-11-27', 'regular@example.com', '+46701740608', null, 1200, 'platinum', 'yard', 'sthlm', 'SE', 'sv-SE', null),
    ('lapsed', '2025-01-01', '2025-01-01 00:00:00+00', '1991-11-19', 'lapsed@example.com', null, null, 25, 'silver', null, 'sthlm', 'SE', 'sv-SE', null),
    ('edge60', '2026-02-02', null, null, null, null, null, 0, null, null, 'sthlm', 'SE', 'sv-SE', null),
    ('edge59', '2026-02-02', null, null, null, null, null, 0, null, null, 'sthlm', 'SE', 'sv-SE', null),
    ('gone', '2025-02-02', null, null, null, null, null, 0, null, null, null, null, null, '2026-10-01 10:00:00+00');

create table stores (
    store_id text,
    name text,
    time_zone text,
    day_starts_at time,
    currency text
);
insert into stores values
    ('sthlm', 'Stockholm', 'Europe/Stockholm', '04:00:00', 'SEK'),
    ('bar', 'Stockholm Bar', 'Europe/Stockholm', '06:00:00', 'SEK'),
    ('taipei', 'Taipei', 'Asia/Taipei', '05:00:00', 'TWD'),
    ('newyork', 'New York', 'America/New_York', null, 'USD'),
    ('kathmandu', 'Kathmandu', 'Asia/Kathmandu', '00:00:00', 'NPR');

create table products (
    product_id text,
    sku text,
    name text,
    category text
);
insert into products values
    ('p1', 'COF-HOT', 'Bryggkaffe', 'coffee'),
    ('p2', 'COF-GO', 'Bryggkaffe', 'coffee'),
    ('p3', 'BUR-1', 'Original', 'burger'),
    ('p4', 'BAK-1', 'Bun', 'bakery'),
    ('p5', 'Bun', 'Bun Deluxe', 'bakery'),
    ('p6', 'BEE-1', 'Lager', 'drinks'),
    ('p7', null, null, null),
    ('p8', 'MUG-1', 'Mug', 'merch');

create table history.purchases (
    purchase_id text,
    member_id text,
    store_id text,
    purchased_at timestamptz,
    channel text,
    status text,
    amount numeric(18, 2),
    currency text,
    refund_of text
);
insert into history.purchases values
    ('clock-mar-before', 'clock', 'sthlm', '2026-03-29 00:59:59+00', 'app', 'completed', 89.00, 'SEK', null),
    ('clock-mar-after', 'clock', 'sthlm', '2026-03-29 01:00:00+00', 'app', 'completed', 89.00, 'SEK', null),
    ('clock-mar-four', 'clock', 'sthlm', '2026-03-29 02:30:00+00', 'app', 'completed', 89.00, 'SEK', null),
    ('lapsed-spring', 'lapsed', 'sthlm', '2026-03-31 10:00:00+00', 'tpos', 'completed', 30.00, 'SEK', null),
    ('gone-buy', 'gone', 'sthlm', '2026-09-02 10:15:00+00', 'app', 'completed', 30.00, 'SEK', null),
    ('split-sat', 'split', 'sthlm', '2026-09-05 10:30:00+00', 'epos', 'completed', 30.00, 'SEK', null),
    ('anon-coffee', null, 'sthlm', '2026-09-07 10:00:00+00', 'mpos', 'completed', 30.00, 'SEK', null),
    ('lunch-mon', 'lunch', 'sthlm', '2026-09-07 10:30:00+00', 'app', 'completed', 30.00, 'SEK', null),
    ('split-mon', 'split', 'sthlm', '2026-09-07 10:30:00+00', 'epos', 'completed', 25.00, 'SEK', null),
    ('loose-buy', 'loose', 'sthlm', '2026-09-08 09:00:00+00', 'mpos', 'completed', 30.00, 'SEK', null),
    ('partly-buy', 'partly', 'sthlm', '2026-09-08 09:00:00+00', 'mpos', 'completed', 85.00, 'SEK', null),
    ('returned-buy', 'returned', 'sthlm', '2026-09-08 09:00:00+00', 'mpos', 'completed', 30.00, 'SEK', null),
    ('lunch-two', 'lunch', 'sthlm', '2026-09-08 12:00:00+00', 'app', 'completed', 30.00, 'SEK', null),
    ('partly-back', null, 'sthlm', '2026-09-09 16:00:00+00', 'wpo', 'refund', 30.00, 'SEK', 'partly-buy'),
    ('free-zero', 'free', 'sthlm', '2026-09-10 07:00:00+00', 'app', 'completed', 0.00, 'SEK', null),
    ('header-total', 'header', 'sthlm', '2026-09-10 07:00:00+00', 'app', 'completed', 120.50, 'SEK', null),
    ('lunch-last', 'lunch', 'sthlm', '2026-09-10 11:59:59+00', 'tpos', 'completed', 50.00, 'SEK', null),
    ('header-void', 'header', 'sthlm', '2026-09-11 07:00:00+00', 'app', 'voided', 99.00, 'SEK', null),
    ('lunch-eleven', 'lunch', 'sthlm', '2026-09-11 09:00:00+00', 'tpos', 'completed', 30.00, 'SEK', null),
    ('regular-0', 'regular', 'sthlm', '2026-09-15 06:00:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('lunch-before', 'lunch', 'sthlm', '2026-09-15 08:59:59+00', 'tpos', 'completed', 25.00, 'SEK', null),
    ('edge60-buy', 'edge60', 'sthlm', '2026-09-21 10:00:00+00', 'tpos', 'completed', 30.00, 'SEK', null),
    ('regular-1', 'regular', 'sthlm', '2026-09-22 06:01:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('edge59-buy', 'edge59', 'sthlm', '2026-09-22 10:00:00+00', 'tpos', 'completed', 30.00, 'SEK', null),
    ('regular-2', 'regular', 'sthlm', '2026-09-29 06:02:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('valley-before', 'valley', 'kathmandu', '2026-09-30 18:14:59+00', 'mpos', 'completed', 150.00, 'NPR', null),
    ('valley-first', 'valley', 'kathmandu', '2026-09-30 18:15:00+00', 'mpos', 'completed', 150.00, 'NPR', null),
    ('late-four', 'late', 'taipei', '2026-09-30 20:30:00+00', 'app', 'completed', 260.00, 'TWD', null),
    ('late-five', 'late', 'taipei', '2026-09-30 21:00:00+00', 'app', 'completed', 95.00, 'TWD', null),
    ('voided-only', 'voided', 'sthlm', '2026-09-30 21:59:59+00', 'epos', 'voided', 89.00, 'SEK', null),
    ('abroad-sep', 'abroad', 'newyork', '2026-10-01 03:30:00+00', 'tpos', 'completed', 11.00, 'USD', null),
    ('abroad-home', 'abroad', 'sthlm', '2026-10-02 10:00:00+00', 'tpos', 'completed', 30.00, 'SEK', null),
    ('regular-3', 'regular', 'sthlm', '2026-10-06 06:03:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('loose-back', 'loose', 'sthlm', '2026-10-08 16:00:00+00', 'mpos', 'refund', -30.00, 'SEK', 'before-history'),
    ('returned-back', 'returned', 'sthlm', '2026-10-08 16:00:00+00', 'mpos', 'refund', -30.00, 'SEK', 'returned-buy'),
    ('loose-again', 'loose', 'sthlm', '2026-10-09 16:00:00+00', 'mpos', 'refund', -25.00, 'SEK', null),
    ('regular-4', 'regular', 'sthlm', '2026-10-13 06:04:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('regular-5', 'regular', 'sthlm', '2026-10-20 06:05:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('clock-oct-first', 'clock', 'sthlm', '2026-10-25 00:30:00+00', 'app', 'completed', 89.00, 'SEK', null),
    ('clock-oct-second', 'clock', 'sthlm', '2026-10-25 01:30:00+00', 'app', 'completed', 89.00, 'SEK', null),
    ('clock-oct-four', 'clock', 'bar', '2026-10-25 04:30:00+00', 'app', 'completed', 69.00, 'SEK', null),
    ('regular-6', 'regular', 'sthlm', '2026-10-27 07:06:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('clock-ny-second', 'abroad', 'newyork', '2026-11-01 06:30:00+00', 'tpos', 'completed', 7.25, 'USD', null),
    ('regular-7', 'regular', 'sthlm', '2026-11-03 07:07:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('regular-again', 'regular', 'sthlm', '2026-11-03 15:00:00+00', 'app', 'completed', 45.00, 'SEK', null),
    ('regular-8', 'regular', 'sthlm', '2026-11-10 07:08:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('night-ten', 'night', 'bar', '2026-11-13 21:00:00+00', 'mpos', 'completed', 69.00, 'SEK', null),
    ('night-bar', 'night', 'bar', '2026-11-14 00:00:00+00', 'mpos', 'completed', 138.00, 'SEK', null),
    ('night-late', 'night', 'bar', '2026-11-14 04:59:59+00', 'mpos', 'completed', 69.00, 'SEK', null),
    ('night-six', 'night', 'bar', '2026-11-14 05:00:00+00', 'mpos', 'completed', 30.00, 'SEK', null),
    ('night-four', 'night', 'sthlm', '2026-11-15 02:59:59+00', 'mpos', 'completed', 89.00, 'SEK', null),
    ('regular-9', 'regular', 'sthlm', '2026-11-17 07:09:00+00', 'app', 'completed', 55.00, 'SEK', null),
    ('anon-lot', null, 'newyork', '2026-11-19 13:15:00+00', 'epos', 'completed', 32.95, 'USD', null);

create table history.purchase_lines (
    purchase_id text,
    line_no integer,
    product_id text,
    quantity integer,
    amount numeric(18, 2),
    discount numeric(18, 2)
);
insert into history.purchase_lines values
    ('lunch-mon', 1, 'p1', 1, 30.00, null),
    ('lunch-two', 1, 'p1', 1, 30.00, null),
    ('lunch-last', 1, 'p2', 2, 50.00, 10.00),
    ('lunch-eleven', 1, 'p2', 1, 30.00, null),
    ('lunch-before', 1, 'p4', 1, 25.00, null),
    ('split-sat', 1, 'p2', 1, 30.00, null),
    ('split-mon', 1, 'p4', 1, 25.00, null),
    ('night-bar', 1, 'p6', 2, 138.00, null),
    ('night-late', 1, 'p6', 1, 69.00, null),
    ('night-six', 1, 'p1', 1, 30.00, null),
    ('night-ten', 1, 'p6', 1, 69.00, null),
    ('night-four', 1, 'p3', 1, 89.00, null),
    ('returned-buy', 1, 'p1', 1, 30.00, null),
    ('returned-back', 1, 'p1', -1, -30.00, null),
    ('partly-buy', 1, 'p1', 2, 60.00, null),
    ('partly-buy', 2, 'p4', 1, 25.00, null),
    ('partly-back', 1, 'p1', 1, 30.00, null),
    ('loose-buy', 1, 'p1', 1, 30.00, null),
    ('loose-back', 1, 'p1', -1, -30.00, null),
    ('loose-again', 1, 'p4', -1, -25.00, null),
    ('anon-coffee', 1, 'p1', 1, 30.00, null),
    ('anon-lot', 1, 'p3', 3, 29.70, 3.30),
    ('anon-lot', 2, 'p4', 1, 3.25, null),
    ('late-four', 1, 'p3', 1, 260.00, null),
    ('late-five', 1, 'p1', 1, 95.00, null),
    ('clock-mar-before', 1, 'p3', 1, 89.00, null),
    ('clock-mar-after', 1, 'p3', 1, 89.00, null),
    ('clock-mar-four', 1, 'p3', 1, 89.00, null),
    ('clock-oct-first', 1, 'p3', 1, 89.00, null),
    ('clock-oct-second', 1, 'p3', 1, 89.00, null),
    ('clock-oct-four', 1, 'p6', 1, 69.00, null),
    ('clock-ny-second', 1, 'p6', 1, 7.25, null),
    ('free-zero', 1, 'p1', 0, 0.00, null),
    ('voided-only', 1, 'p3', 1, 89.00, null),
    ('abroad-sep', 1, 'p3', 1, 9.90, null),
    ('abroad-sep', 2, 'p7', 1, 1.10, null),
    ('abroad-home', 1, 'p1', 1, 30.00, null),
    ('valley-first', 1, 'p1', 1, 150.00, null),
    ('valley-before', 1, 'p1', 1, 150.00, null),
    ('regular-0', 1, 'p1', 1, 30.00, null),
    ('regular-0', 2, 'p4', 1, 25.00, null),
    ('regular-1', 1, 'p1', 1, 30.00, null),
    ('regular-1', 2, 'p4', 1, 25.00, null),
    ('regular-2', 1, 'p1', 1, 30.00, null),
    ('regular-2', 2, 'p4', 1, 25.00, null),
    ('regular-3', 1, 'p1', 1, 30.00, null),
    ('regular-3', 2, 'p4', 1, 25.00, null),
    ('regular-4', 1, 'p1', 1, 30.00, null),
    ('regular-4', 2, 'p4', 1, 25.00, null),
    ('regular-5', 1, 'p1', 1, 30.00, null),
    ('regular-5', 2, 'p4', 1, 25.00, null),
    ('regular-6', 1, 'p1', 1, 30.00, null),
    ('regular-6', 2, 'p4', 1, 25.00, null),
    ('regular-7', 1, 'p1', 1, 30.00, null),
    ('regular-7', 2, 'p4', 1, 25.00, null),
    ('regular-8', 1, 'p1', 1, 30.00, null),
    ('regular-8', 2, 'p4', 1, 25.00, null),
    ('regular-9', 1, 'p1', 1, 30.00, null),
    ('regular-9', 2, 'p4', 1, 25.00, null),
    ('regular-again', 1, 'p9', 1, 45.00, null),
    ('lapsed-spring', 1, 'p1', 1, 30.00, null),
    ('edge60-buy', 1, 'p1', 1, 30.00, null),
    ('edge59-buy', 1, 'p1', 1, 30.00, null),
    ('gone-buy', 1, 'p1', 1, 30.00, null);

create table loyalty_levels (
    level text,
    rank integer,
    points_from bigint,
    spend_from numeric(18, 2)
);
insert into loyalty_levels values
    ('bronze', 1, 0, 0.00),
    ('silver', 2, 100, 1000.00),
    ('gold', 3, 300, 3000.00),
    ('platinum', 4, 1000, 10000.00);

create table member_levels (
    member_id text,
    level text,
    reached_at timestamptz
);
insert into member_levels values
    ('lunch', 'gold', '2026-05-01 10:00:00+00'),
    ('lunch', 'bronze', '2025-01-10 09:00:00+00'),
    ('lunch', 'silver', '2025-09-01 10:00:00+00'),
    ('split', 'gold', '2025-12-24 18:00:00+00'),
    ('split', 'silver', '2026-06-30 22:30:00+00'),
    ('abroad', 'gold', '2026-01-01 04:30:00+00'),
    ('never', 'bronze', '2024-01-05 08:00:00+00'),
    ('never', 'silver', '2026-12-01 08:00:00+00');

create table consents (
    member_id text,
    channel text,
    status text,
    changed_at timestamptz
);
insert into consents values
    ('lunch', 'email', 'granted', '2025-01-10 09:00:00+00'),
    ('lunch', 'sms', 'withdrawn', '2026-02-01 09:00:00+00'),
    ('lunch', 'sms', 'granted', '2025-01-10 09:00:00+00'),
    ('split', 'email', 'withdrawn', '2025-05-02 10:00:00+00'),
    ('split', 'email', 'granted', '2026-05-02 10:00:00+00'),
    ('late', 'line', 'granted', '2026-03-03 03:03:00+00'),
    ('regular', 'email', 'granted', '2025-11-01 07:30:00+00');

create table business_customers (
    business_customer_id text,
    name text
);
insert into business_customers values
    ('office', 'Exempelkontoret AB'),
    ('yard', 'Example Yard Inc.'),
    ('idle', 'Example Idle Ltd');

-- As the tables of Regulars: erased members are hidden, receipts and lines show their local time and business day.
create view members as select * from history.members where erased_at is null;

create view purchases as
select p.*, here.local_at, business.business_date, here.local_at::time as local_time,
       extract(isodow from business.business_date)::smallint as weekday
from history.purchases p
join stores s using (store_id)
cross join lateral (select p.purchased_at at time zone s.time_zone as local_at) here
cross join lateral (select (here.local_at - (coalesce(s.day_starts_at, '04:00') - time '00:00'))::date as business_date) business;

create view purchase_lines as
select l.*, p.member_id, p.store_id, p.channel, p.purchased_at, p.status, p.local_at, p.business_date, p.local_time, p.weekday
from history.purchase_lines l
join purchases p using (purchase_id);
