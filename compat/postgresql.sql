-- Regulars' functions for PostgreSQL 15 or later: the same segments, on another engine.
--
--     psql -f tables.sql DATABASE          the tables; then fill them (tables.sql says how)
--     psql -f postgresql.sql DATABASE      this file: views, indexes, functions. It may be run again
--     SELECT count(*) FROM members WHERE bought(member_id, product => 'Bryggkaffe', hours => '11:00-14:00');
--
-- Then run your CREATE VIEW statements as they are; `regulars export-definitions` writes all of them. docs/facts.md and
-- docs/functions.md say what each function means; here is how. Settings: regulars.as_of (the day asked about; receipts
-- of later business dates do not exist then) and regulars.time_zone (of the head office; UTC unless set). To keep one:
--
--     ALTER DATABASE shop SET regulars.time_zone = 'Europe/Stockholm';
--
-- What you call is in public, what it is made of in schema regulars. What differs from Regulars:
--   * A fact is computed member by member, by index: fit for some ten thousand members, not for millions at a time.
--   * A product, category, store or currency that is not there (any more) is an error whenever a view asks for it.
--   * Loaded by somebody who is not a superuser (managed servers have none to lend), a filter takes several words only
--     written as one text, product => '{Latte,Mocha}', and not as ARRAY['Latte', 'Mocha'].
--   * Questions about a segment, such as regulars.why(…), stay behind.

set client_min_messages = warning;
set search_path = public;

create schema if not exists regulars;


-- 1. Settings ---------------------------------------------------------------------------------------------------------

-- The day that the session asks about; NULL when it has said none.
create or replace function regulars.as_of_set() returns date language sql stable parallel safe
return nullif(current_setting('regulars.as_of', true), '')::date;

create or replace function regulars.time_zone() returns text language sql stable parallel safe
return coalesce(nullif(current_setting('regulars.time_zone', true), ''), 'UTC');

-- Today's business date at the head office, whose day begins at 04:00, unless the session asks about another day.
create or replace function asof() returns date language sql stable parallel safe
return coalesce(regulars.as_of_set(), ((now() at time zone regulars.time_zone()) - interval '4 hours')::date);


-- 2. Local time -------------------------------------------------------------------------------------------------------

create or replace function business_date(instant timestamptz, zone text, day_start time) returns date
language sql immutable parallel safe
return ((instant at time zone zone) - (day_start - time '00:00'))::date;

create or replace function weekday(day date) returns smallint language sql immutable parallel safe
return extract(isodow from day)::smallint;

-- 'mon-thu,sat', 'fri-mon', 'weekdays', 'Sunday' as ISO weekdays: 1 is Monday.
create or replace function regulars.weekday_set(days text) returns integer[]
language plpgsql immutable strict parallel safe as $$
declare
    names constant text[] := '{monday,tuesday,wednesday,thursday,friday,saturday,sunday}';
    item text;
    ends integer[];
    found integer[] := '{}';
begin
    foreach item in array string_to_array(lower(days), ',') loop
        item := btrim(item);
        item := case item when 'weekdays' then 'mon-fri' when 'weekend' then 'sat-sun' else item end;
        select array_agg((select n from generate_subscripts(names, 1) as n
                          where btrim(part) in (names[n], left(names[n], 3))) order by place)
        into ends
        from unnest(string_to_array(item, '-')) with ordinality as parts (part, place);
        if coalesce(cardinality(ends), 0) not in (1, 2) or array_position(ends, null) is not null then
            raise exception 'weekday set "%" is not valid', days
                using errcode = '22023', detail = format('"%s" is not a day or a range of days.', item),
                      hint = 'Write days as ''mon'' or ''monday'', ranges as ''mon-thu'' or ''fri-mon'', '
                             '''weekdays'' or ''weekend'', separated by commas.';
        end if;
        -- A range that ends before it begins goes on after Sunday.
        found := found || array(select (ends[1] - 1 + step) % 7 + 1
                                from generate_series(0, (ends[cardinality(ends)] - ends[1] + 7) % 7) as step);
    end loop;
    if found = '{}' then
        raise exception 'weekday set "%" is not valid', days using errcode = '22023', detail = 'A day is missing.';
    end if;
    return found;
end $$;

create or replace function weekday_in(day date, days text) returns boolean language sql immutable parallel safe
return extract(isodow from day)::integer = any (regulars.weekday_set(days));

-- Both times of '11:00-14:00'.
create or replace function regulars.window_bounds(hours text) returns time[]
language plpgsql immutable strict parallel safe as $$
declare
    a_time constant text := '^(([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?|24:00(:00(\.0{1,6})?)?)$';
    from_text text := btrim(split_part(hours, '-', 1));
    to_text text := btrim(substr(hours, strpos(hours, '-') + 1));
begin
    if strpos(hours, '-') = 0 or from_text !~ a_time or to_text !~ a_time then
        raise exception 'time window "%" is not valid', hours
            using errcode = '22023',
                  hint = 'Write two times from 00:00 to 24:00, as in ''11:00-14:00''; '
                         '''22:00-02:00'' runs past midnight.';
    end if;
    return array[from_text, to_text]::time[];
end $$;

-- [opens, closes): past midnight when it opens after it closes, all day when both are equal.
create or replace function in_time_window(at time, opens time, closes time) returns boolean
language sql immutable parallel safe
return case
    when opens is null or closes is null then null
    when opens = '24:00' then at < closes or closes = '00:00'
    when opens < closes then at >= opens and at < closes
    else at >= opens or at < closes
end;

create or replace function in_time_window(at time, hours text) returns boolean language sql immutable parallel safe
return in_time_window(at, (regulars.window_bounds(hours))[1], (regulars.window_bounds(hours))[2]);

-- Parts of the day; replace the rows by those of your configuration. Each time of day must lie in exactly one.
create table if not exists regulars.day_parts (day_part text not null, from_time time not null, to_time time not null);
insert into regulars.day_parts
select * from (values ('breakfast', time '05:00', time '11:00'), ('lunch', '11:00', '14:00'),
                      ('afternoon', '14:00', '17:00'), ('dinner', '17:00', '22:00'),
                      ('night', '22:00', '05:00')) as usual
where not exists (select from regulars.day_parts);

create or replace function day_part(at time) returns text language sql stable parallel safe
return (select p.day_part from regulars.day_parts as p where in_time_window(at, p.from_time, p.to_time) limit 1);

-- The functions above that take a date or a time take a timestamp too.
create or replace function weekday(at timestamp) returns smallint language sql immutable parallel safe
return weekday(at::date);
create or replace function weekday_in(at timestamp, days text) returns boolean language sql immutable parallel safe
return weekday_in(at::date, days);
create or replace function in_time_window(at timestamp, hours text) returns boolean language sql immutable parallel safe
return in_time_window(at::time, hours);
create or replace function in_time_window(at timestamp, opens time, closes time) returns boolean
language sql immutable parallel safe
return in_time_window(at::time, opens, closes);
create or replace function day_part(at timestamp) returns text language sql stable parallel safe
return day_part(at::time);

-- The day of a year; 29 February is 28 February in common years.
create or replace function regulars.in_year(day date, year numeric) returns date language sql immutable parallel safe
return (day + make_interval(years => (year - extract(year from day))::integer))::date;

create or replace function next_anniversary(day date, asof date) returns date language sql immutable parallel safe
return case when regulars.in_year(day, extract(year from asof)) >= asof
            then regulars.in_year(day, extract(year from asof))
            else regulars.in_year(day, extract(year from asof) + 1) end;


-- 3. The history as Regulars shows it ---------------------------------------------------------------------------------

create or replace view members as
select * from history.members where erased_at is null;

-- Receipts with their local time, in the zone of their store; those later than the day asked about do not exist.
create or replace view purchases as
select p.*, here.local_at, day.business_date, here.local_at::time as local_time,
       extract(isodow from day.business_date)::smallint as weekday
from history.purchases as p
left join stores as s on s.store_id = p.store_id
cross join lateral (
    select p.purchased_at at time zone coalesce(s.time_zone, regulars.time_zone()) as local_at
) as here
cross join lateral (
    select (here.local_at - (coalesce(s.day_starts_at, '04:00') - time '00:00'))::date as business_date
) as day
where day.business_date <= (select coalesce(regulars.as_of_set(), 'infinity'));

create or replace view purchase_lines as
select l.*, p.member_id, p.store_id, p.channel, p.purchased_at, p.status, p.local_at, p.business_date, p.local_time,
       p.weekday
from history.purchase_lines as l
join purchases as p on p.purchase_id = l.purchase_id;

-- A fact reads the receipts of one member, their lines and their refunds: each by one of these, or by the keys that
-- tables.sql gives members and purchases.
create index if not exists purchases_member_id on history.purchases (member_id);
create index if not exists purchases_refund_of on history.purchases (refund_of) where refund_of is not null;
create index if not exists purchase_lines_purchase_id on history.purchase_lines (purchase_id);
create index if not exists member_levels_member_id on member_levels (member_id);
create index if not exists products_product_id_text on products ((product_id::text));
create index if not exists products_sku on products (sku);
create index if not exists products_name on products (name);
create index if not exists products_category on products (category);
analyze history.members, history.purchases, history.purchase_lines, stores, products, member_levels;


-- 4. Loyalty ----------------------------------------------------------------------------------------------------------

create or replace function loyalty_level(points double precision) returns text language sql stable parallel safe
return (select l.level from loyalty_levels as l where l.points_from <= points order by l.points_from desc limit 1);

create or replace function level_rank(level text) returns integer language sql stable parallel safe
return (select l.rank from loyalty_levels as l where l.level = level_rank.level);

-- The rank of a level that somebody wrote: an unknown one is a mistake.
create or replace function regulars.rank_of_known(level text) returns integer
language plpgsql stable strict parallel safe as $$
begin
    if public.level_rank(level) is null then
        raise exception 'loyalty level "%" does not exist', level
            using errcode = '22023',
                  hint = (select format('The levels, lowest first: %s.',
                                        string_agg(quote_literal(l.level), ', ' order by l.rank))
                          from public.loyalty_levels as l);
    end if;
    return public.level_rank(level);
end $$;

create or replace function level_at_least(level text, lowest text) returns boolean language sql stable parallel safe
return level_rank(level) >= regulars.rank_of_known(lowest);

-- As of the day, by the newest row of the member's history; of two rows of one instant the higher level.
create or replace function member_level(member members.member_id%type) returns text language sql stable parallel safe
return case
    when exists (select from member_levels as h where h.member_id = member)
    then (select h.level
          from member_levels as h
          where h.member_id = member and business_date(h.reached_at, regulars.time_zone(), '04:00') <= asof()
          order by h.reached_at desc, level_rank(h.level) desc nulls last
          limit 1)
    else (select m.loyalty_level from members as m where m.member_id = member)
end;


-- 5. The filters of a fact --------------------------------------------------------------------------------------------

-- One text or an array of them: a text that begins with a brace is an array. Making a type of this kind takes a
-- superuser; for others it is plain text, which takes arrays only as '{Latte,Mocha}'.
do $$
begin
    if to_regtype('regulars.words') is not null then
        return;
    end if;
    if current_setting('is_superuser') = 'off' then
        create domain regulars.words as text;
        return;
    end if;
    create type regulars.words;
    create function regulars.words_in(cstring) returns regulars.words
        language internal immutable strict parallel safe as 'textin';
    create function regulars.words_out(regulars.words) returns cstring
        language internal immutable strict parallel safe as 'textout';
    create type regulars.words (input = regulars.words_in, output = regulars.words_out, like = text);
    create cast (text as regulars.words) without function as implicit;
    create cast (text[] as regulars.words) with inout as implicit;
end $$;

-- What the filters of one call come to. NULL is no condition.
do $$
begin
    if to_regtype('regulars.filter') is null then
        create type regulars.filter as (
            products text[],        -- ids: one of these
            all_products text[],    -- each of these on the one receipt; an element is an array of ids as text
            categories text[],
            stores text[],          -- ids
            channels text[],
            weekdays integer[],
            opens time,
            closes time,
            from_date date,
            to_date date,
            min_amount numeric,
            gross boolean
        );
    end if;
end $$;

create or replace function regulars.refuse_null(filter text) returns void language plpgsql immutable as $$
begin
    raise exception 'filter "%" must not be null', filter
        using errcode = '22004', hint = 'Leave the filter out to ask for any.';
end $$;

-- The texts of a filter. '{{}}', which no array is written as, stands for a filter that was left out.
create or replace function regulars.texts(given regulars.words, filter text) returns text[]
language plpgsql immutable as $$
declare
    texts text[];
begin
    if given::text = '{{}}' then
        return null;
    end if;
    texts := case when left(given::text, 1) = '{' then given::text::text[] else array[given::text] end;
    if texts is null or array_position(texts, null) is not null then
        perform regulars.refuse_null(filter);
    elsif texts = '{}' then
        raise exception 'filter "%" names nothing', filter using errcode = '22023';
    end if;
    return texts;
end $$;

-- The ids of products: a word is an id, else a SKU, else a name, which may be that of several.
create or replace function regulars.products_named(words text[]) returns text[] language plpgsql stable strict as $$
declare
    word text;
    ids text[];
    found text[];
begin
    foreach word in array words loop
        ids := coalesce(
            (select array_agg(p.product_id::text) from public.products as p where p.product_id::text = word),
            (select array_agg(p.product_id::text) from public.products as p where p.sku = word),
            (select array_agg(p.product_id::text) from public.products as p where p.name = word));
        if ids is null then
            raise exception 'product "%" does not exist', word
                using errcode = '22023',
                      hint = 'Write a product_id, sku or name exactly as it stands in table products.';
        end if;
        found := found || ids;
    end loop;
    return found;
end $$;

-- The ids of the stores that are named and have one of the currencies; either may be NULL.
create or replace function regulars.stores_named(words text[], currencies text[]) returns text[]
language plpgsql stable as $$
declare
    word text;
    ids text[];
    found text[];
begin
    foreach word in array coalesce(words, '{}') loop
        ids := coalesce((select array_agg(s.store_id::text) from public.stores as s where s.store_id::text = word),
                        (select array_agg(s.store_id::text) from public.stores as s where s.name = word));
        if ids is null then
            raise exception 'store "%" does not exist', word
                using errcode = '22023',
                      hint = 'Write a store_id or name exactly as it stands in table stores.';
        end if;
        found := found || ids;
    end loop;
    foreach word in array coalesce(currencies, '{}') loop
        if not exists (select from public.stores as s where s.currency = word) then
            raise exception 'no store has the currency "%"', word
                using errcode = '22023',
                      hint = (select format('The currencies: %s.', string_agg(distinct quote_literal(s.currency), ', '))
                              from public.stores as s);
        end if;
    end loop;
    if currencies is not null then
        found := array(select s.store_id::text from public.stores as s
                       where s.currency = any (currencies) and (found is null or s.store_id::text = any (found)));
    end if;
    return found;
end $$;

create or replace function regulars.filter_of(
    product regulars.words, all_products regulars.words, category regulars.words, store regulars.words,
    channel regulars.words, currency regulars.words, weekdays integer[], bounds time[], from_date date, to_date date,
    last interval, min_amount numeric, gross boolean)
returns regulars.filter language plpgsql stable as $$
declare
    f regulars.filter;
    word text;
begin
    -- num_nulls is quick; which one it was matters only then.
    if num_nulls(weekdays, bounds, from_date, to_date, last, min_amount, gross) > 0 then
        perform regulars.refuse_null(case when weekdays is null then 'days' when bounds is null then 'hours'
                                          when from_date is null then 'from_date' when to_date is null then 'to_date'
                                          when last is null then 'last' when min_amount is null then 'min_amount'
                                          else 'gross' end);
    end if;
    f.products := regulars.products_named(regulars.texts(product, 'product'));
    f.all_products := regulars.texts(all_products, 'all_products');
    if f.all_products is not null then
        f.all_products := array(select regulars.products_named(array[one])::text from unnest(f.all_products) as one);
    end if;
    f.categories := regulars.texts(category, 'category');
    foreach word in array coalesce(f.categories, '{}') loop
        if not exists (select from public.products as p where p.category = word) then
            raise exception 'category "%" does not exist', word
                using errcode = '22023', hint = 'Write a category exactly as it stands in table products.';
        end if;
    end loop;
    f.stores := regulars.stores_named(regulars.texts(store, 'store'), regulars.texts(currency, 'currency'));
    f.channels := regulars.texts(channel, 'channel');
    f.weekdays := weekdays;
    f.opens := bounds[1];
    f.closes := bounds[2];
    -- "The last N days" are those after the day that lies N days back; windows that are given together intersect.
    f.from_date := greatest(from_date, (public.asof() - last)::date + 1);
    f.to_date := to_date;
    f.min_amount := nullif(min_amount, '-infinity');
    f.gross := gross;
    return f;
end $$;


-- 6. What receipts do -------------------------------------------------------------------------------------------------

-- What is left of a purchase: its lines, less those of the refunds that are linked to it.
create or replace function regulars.kept_lines(purchase purchases.purchase_id%type, gross boolean)
returns table (product_id products.product_id%type, quantity numeric) language sql stable
begin atomic
    select l.product_id, l.quantity
    from history.purchase_lines as l
    where l.purchase_id = purchase and (l.quantity > 0 or not gross)
    union all
    select l.product_id, -abs(l.quantity)
    from purchases as r
    join history.purchase_lines as l on l.purchase_id = r.purchase_id
    where r.refund_of = purchase and r.status = 'refund' and not gross;
end;

-- Receipts that count: completed, with a positive line or with no lines known. The total is that of the lines.
create or replace view regulars.purchase as
select p.purchase_id, p.member_id, p.store_id, p.channel, p.business_date, p.local_time, p.weekday,
       coalesce((select sum(l.amount) from history.purchase_lines as l where l.purchase_id = p.purchase_id),
                p.amount, 0) as total
from purchases as p
where p.status = 'completed'
  and (exists (select from history.purchase_lines as l where l.purchase_id = p.purchase_id and l.quantity > 0)
       or not exists (select from history.purchase_lines as l where l.purchase_id = p.purchase_id));

-- The purchases of a member on which every filter holds.
create or replace function regulars.counted(member members.member_id%type, f regulars.filter)
returns table (purchase_id purchases.purchase_id%type, business_date date) language sql stable
begin atomic
    select p.purchase_id, p.business_date
    from regulars.purchase as p
    where p.member_id = member
      and p.business_date >= (f).from_date
      and p.business_date <= (f).to_date
      and p.weekday = any ((f).weekdays)
      and in_time_window(p.local_time, (f).opens, (f).closes)
      and ((f).stores is null or p.store_id::text = any ((f).stores))
      and ((f).channels is null or p.channel = any ((f).channels))
      and ((f).min_amount is null or p.total >= (f).min_amount)
      and (((f).products is null and (f).categories is null)
           or (select sum(k.quantity) > 0
               from regulars.kept_lines(p.purchase_id, (f).gross) as k
               join products as pr on pr.product_id = k.product_id
               where ((f).products is null or pr.product_id::text = any ((f).products))
                 and ((f).categories is null or pr.category = any ((f).categories))))
      and ((f).all_products is null
           or not exists (select
                          from unnest((f).all_products) as ids
                          where (select coalesce(sum(k.quantity), 0) <= 0
                                 from regulars.kept_lines(p.purchase_id, (f).gross) as k
                                 where k.product_id::text = any (ids::text[]))));
end;

-- Receipts that add to a member's sums or take from them, and the receipt they count as: a linked refund carries its
-- purchase's member, store, channel and time; one that is linked to an anonymous purchase keeps its own member.
create or replace function regulars.moving(member members.member_id%type)
returns table (source_id purchases.purchase_id%type, kind text, source_amount numeric,
               purchase_id purchases.purchase_id%type, store_id purchases.store_id%type, channel text,
               business_date date, local_time time, weekday smallint)
language sql stable
begin atomic
    select p.purchase_id, 'purchase', p.amount,
           p.purchase_id, p.store_id, p.channel, p.business_date, p.local_time, p.weekday
    from purchases as p
    where p.member_id = member and p.status = 'completed'
    union all
    select r.purchase_id, 'linked', r.amount,
           o.purchase_id, o.store_id, o.channel, o.business_date, o.local_time, o.weekday
    from purchases as o
    join purchases as r on r.refund_of = o.purchase_id and r.status = 'refund'
    where o.member_id = member and o.status = 'completed'
    union all
    select r.purchase_id, 'linked', r.amount,
           o.purchase_id, o.store_id, o.channel, o.business_date, o.local_time, o.weekday
    from purchases as r
    join purchases as o on o.purchase_id = r.refund_of and o.status = 'completed' and o.member_id is null
    where r.member_id = member and r.status = 'refund'
    union all
    select r.purchase_id, 'unlinked', r.amount,
           r.purchase_id, r.store_id, r.channel, r.business_date, r.local_time, r.weekday
    from purchases as r
    where r.member_id = member and r.status = 'refund'
      and not exists (select from purchases as o where o.purchase_id = r.refund_of and o.status = 'completed');
end;

-- The lines that a member's sums run over. Filters of the receipt hold on the receipt it counts as, product and
-- category on the line itself. A receipt without lines is one line of its amount; what is refunded is negative,
-- whatever its sign.
create or replace function regulars.summed(member members.member_id%type, f regulars.filter)
returns table (store_id purchases.store_id%type, quantity numeric, amount numeric) language sql stable
begin atomic
    select m.store_id,
           case when m.kind = 'purchase' then l.quantity else -abs(l.quantity) end,
           case when m.kind = 'purchase' then l.amount else -abs(l.amount) end
    from regulars.moving(member) as m
    cross join lateral (
        select l.product_id, l.quantity, l.amount
        from history.purchase_lines as l
        where l.purchase_id = m.source_id
        union all
        select null, null, m.source_amount
        where m.source_amount is not null
          and not exists (select from history.purchase_lines as l where l.purchase_id = m.source_id)
    ) as l
    left join products as pr on pr.product_id = l.product_id
    where (m.kind = 'purchase' or not (f).gross)
      and m.business_date >= (f).from_date
      and m.business_date <= (f).to_date
      and m.weekday = any ((f).weekdays)
      and in_time_window(m.local_time, (f).opens, (f).closes)
      and ((f).stores is null or m.store_id::text = any ((f).stores))
      and ((f).channels is null or m.channel = any ((f).channels))
      and ((f).products is null or l.product_id::text = any ((f).products))
      and ((f).categories is null or pr.category = any ((f).categories))
      and ((f).min_amount is null
           or exists (select from regulars.purchase as p
                      where p.purchase_id = m.purchase_id and p.total >= (f).min_amount))
      and ((f).all_products is null
           or m.purchase_id in (
               select c.purchase_id
               from regulars.counted(member, row(null, (f).all_products, null, null, null, '{1,2,3,4,5,6,7}', '00:00',
                                                 '24:00', '-infinity', 'infinity', null,
                                                 (f).gross)::regulars.filter) as c));
end;


-- 7. Member facts -----------------------------------------------------------------------------------------------------

create or replace function regulars.purchase_count(member members.member_id%type, f regulars.filter) returns bigint
language sql stable return (select count(*) from regulars.counted(member, f));

create or replace function regulars.visit_days(member members.member_id%type, f regulars.filter) returns bigint
language sql stable return (select count(distinct c.business_date) from regulars.counted(member, f) as c);

create or replace function regulars.bought(member members.member_id%type, f regulars.filter) returns boolean
language sql stable return exists (select from regulars.counted(member, f));

create or replace function regulars.first_purchase(member members.member_id%type, f regulars.filter) returns date
language sql stable return (select min(c.business_date) from regulars.counted(member, f) as c);

create or replace function regulars.last_purchase(member members.member_id%type, f regulars.filter) returns date
language sql stable return (select max(c.business_date) from regulars.counted(member, f) as c);

create or replace function regulars.quantity_bought(member members.member_id%type, f regulars.filter) returns numeric
language sql stable return (select coalesce(sum(s.quantity), 0) from regulars.summed(member, f) as s);

create or replace function regulars.refuse_mixed(one text, other text) returns numeric language plpgsql immutable as $$
begin
    raise exception 'an amount would add up % and %', one, other
        using errcode = '22023', hint = format('Name one currency: currency => %L.', one);
end $$;

-- Money of two currencies has no sum.
create or replace function regulars.amount_spent(member members.member_id%type, f regulars.filter) returns numeric
language sql stable return (
    select case when min(st.currency) <> max(st.currency) then regulars.refuse_mixed(min(st.currency), max(st.currency))
                else coalesce(sum(s.amount), 0) end
    from regulars.summed(member, f) as s
    left join stores as st on st.store_id = s.store_id
);


-- 8. Groups -----------------------------------------------------------------------------------------------------------

-- Names of the cells of recency, frequency and money, 1 to 5 each, 5 best: the first row by position whose box holds
-- the cell. Together the rows hold all 125 cells; see to it that yours do (check_rfm_groups.py).
create table if not exists regulars.rfm_groups (
    position integer primary key,
    name text not null,
    recency_from integer not null,
    recency_to integer not null,
    frequency_from integer not null,
    frequency_to integer not null,
    monetary_from integer not null,
    monetary_to integer not null
);
insert into regulars.rfm_groups
select * from (values
    (1, 'champions',          4, 5, 4, 5, 4, 5),
    (2, 'loyal',              3, 5, 4, 5, 1, 5),
    (3, 'cant-lose',          1, 2, 4, 5, 4, 5),
    (4, 'at-risk',            1, 2, 3, 5, 1, 5),
    (5, 'potential-loyalist', 4, 5, 2, 3, 1, 5),
    (6, 'new',                5, 5, 1, 1, 1, 5),
    (7, 'promising',          4, 4, 1, 1, 1, 5),
    (8, 'need-attention',     3, 3, 2, 3, 3, 5),
    (9, 'about-to-sleep',     3, 3, 1, 3, 1, 5),
    (10, 'hibernating',       2, 2, 1, 2, 1, 5),
    (11, 'lost',              1, 1, 1, 2, 1, 5)) as usual
where not exists (select from regulars.rfm_groups);

-- What a measure ranks a member by; NULL without a purchase.
create or replace function regulars.rfm_value(member members.member_id%type, f regulars.filter, measure text)
returns numeric language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    times bigint;
    latest date;
begin
    select count(*), max(c.business_date) into times, latest from regulars.counted(member, f) as c;
    return case when times = 0 then null
                when measure = 'recency' then latest - date '2000-01-01'
                when measure = 'frequency' then times
                else regulars.amount_spent(member, f) end;
end $$;

-- The greatest values that still get rank 1, 2, 3 and 4 among the members with a purchase; NULL for a rank nobody gets.
--
-- Computed by the first row of a statement that asks, and kept in a setting of the transaction for the others. It is
-- known by the statement's time and snapshot, so what is bought meanwhile is seen; only a query that is sent in one
-- message with a change of the history before it may see the ranks of before.
create or replace function regulars.rfm_edges(f regulars.filter, measure text) returns numeric[]
language plpgsql stable as $$
declare
    statement constant text := statement_timestamp() || ' ' || pg_current_snapshot();
    question constant text := md5(concat(measure, f, regulars.as_of_set(), regulars.time_zone()));
    kept jsonb := nullif(current_setting('regulars.rfm_edges', true), '')::jsonb;
    edges numeric[];
begin
    if kept ->> 'statement' is distinct from statement then
        kept := jsonb_build_object('statement', statement);
    end if;
    if kept ? question then
        return (kept ->> question)::numeric[];
    end if;
    select array[max(value) filter (where rank <= 1), max(value) filter (where rank <= 2),
                 max(value) filter (where rank <= 3), max(value) filter (where rank <= 4)]
    into edges
    from (select value, ceil(5 * cume_dist() over (order by value)) as rank
          from (select regulars.rfm_value(m.member_id, f, measure) as value from public.members as m) as measured
          where value is not null) as ranked;
    perform set_config('regulars.rfm_edges', (kept || jsonb_build_object(question, edges::text))::text, true);
    return edges;
end $$;

create or replace function regulars.rfm_rank(member members.member_id%type, f regulars.filter, measure text)
returns smallint language plpgsql stable as $$
declare
    own constant numeric := regulars.rfm_value(member, f, measure);
begin
    if own is null or not exists (select from public.members as m where m.member_id = member) then
        return null;
    end if;
    return 1 + (select count(*) from unnest(regulars.rfm_edges(f, measure)) as edge where edge is null or own > edge);
end $$;

create or replace function regulars.rfm_recency(member members.member_id%type, f regulars.filter) returns smallint
language sql stable return regulars.rfm_rank(member, f, 'recency');

create or replace function regulars.rfm_frequency(member members.member_id%type, f regulars.filter) returns smallint
language sql stable return regulars.rfm_rank(member, f, 'frequency');

create or replace function regulars.rfm_monetary(member members.member_id%type, f regulars.filter) returns smallint
language sql stable return regulars.rfm_rank(member, f, 'monetary');

create or replace function regulars.rfm_group(member members.member_id%type, f regulars.filter) returns text
language plpgsql stable as $$
declare
    recency constant smallint := regulars.rfm_rank(member, f, 'recency');
    frequency constant smallint := regulars.rfm_rank(member, f, 'frequency');
    monetary constant smallint := regulars.rfm_rank(member, f, 'monetary');
begin
    return coalesce((select g.name
                     from regulars.rfm_groups as g
                     where recency between g.recency_from and g.recency_to
                       and frequency between g.frequency_from and g.frequency_to
                       and monetary between g.monetary_from and g.monetary_to
                     order by g.position
                     limit 1), 'prospect');
end $$;

-- The functions that segments call, all with the same filters. A default says "any" in its own type, so that an
-- explicit NULL is seen and refused. The cost lets PostgreSQL look at cheaper conditions first.
do $$
declare
    fact record;
begin
    for fact in
        select * from (values ('purchase_count', 'bigint'), ('visit_days', 'bigint'), ('amount_spent', 'numeric'),
                              ('quantity_bought', 'numeric'), ('bought', 'boolean'), ('first_purchase', 'date'),
                              ('last_purchase', 'date'), ('rfm_recency', 'smallint'), ('rfm_frequency', 'smallint'),
                              ('rfm_monetary', 'smallint'), ('rfm_group', 'text')) as facts (name, type)
    loop
        execute format($function$
            create or replace function public.%1$I(
                member public.members.member_id%%type,
                product regulars.words default '{{}}', all_products regulars.words default '{{}}',
                category regulars.words default '{{}}', store regulars.words default '{{}}',
                channel regulars.words default '{{}}', currency regulars.words default '{{}}',
                days text default 'mon-sun', hours text default '00:00-24:00',
                from_date date default '-infinity', to_date date default 'infinity', last interval default '5000 years',
                min_amount numeric default '-infinity', gross boolean default false)
            returns %2$s language sql stable cost 10000
            return regulars.%1$I(member, regulars.filter_of(
                product, all_products, category, store, channel, currency, regulars.weekday_set(days),
                regulars.window_bounds(hours), from_date, to_date, last, min_amount, gross))
            $function$, fact.name, fact.type);
    end loop;
end $$;

-- A share of the members that stays the same at every refresh and differs from salt to salt.
create or replace function holdout(member members.member_id%type, salt text, percent numeric) returns boolean
language sql stable parallel safe
return ('x' || encode(substr(sha256(convert_to(salt || ':' || member::text, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint
       % 100 < percent;

reset search_path;
reset client_min_messages;
