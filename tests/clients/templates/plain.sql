-- The questions of docs/segments.md once more, in plain SQL: no function of Regulars, and written without looking at
-- the views. PostgreSQL answers them over the tables of the contract with their derived columns; templates.py compares.
--
-- `:asof` is the day asked about; receipts of later business dates are not in the tables. A query begins with its name.
-- What stands before the first name are tables for all of them.

-- Purchases that count.
CREATE TABLE counting AS
SELECT p.*, coalesce(l.total, p.amount, 0) AS total
FROM purchases p
LEFT JOIN (SELECT purchase_id, sum(amount) AS total, bool_or(quantity > 0) AS sold
           FROM purchase_lines GROUP BY purchase_id) l USING (purchase_id)
WHERE p.status = 'completed' AND l.sold IS NOT FALSE;

-- Which receipt each receipt's lines count for: refunds for the purchase they name, if there is one.
CREATE TABLE counts_for AS
SELECT r.purchase_id AS from_id, r.status, coalesce(o.purchase_id, r.purchase_id) AS purchase_id,
       r.status = 'completed' OR o.purchase_id IS NOT NULL AS is_linked
FROM purchases r
LEFT JOIN purchases o ON r.status = 'refund' AND o.status = 'completed' AND o.purchase_id = r.refund_of
WHERE r.status IN ('completed', 'refund');

-- Money and quantity, signed, with whose and where and when; a receipt without lines is one line of its amount.
CREATE TABLE movement AS
SELECT c.purchase_id, c.is_linked, coalesce(p.member_id, r.member_id) AS member_id, p.store_id, p.channel,
       p.business_date, p.local_time, p.weekday, l.product_id, pr.name, pr.category, s.currency,
       CASE WHEN c.status = 'refund' THEN -abs(l.quantity) ELSE l.quantity END AS quantity,
       CASE WHEN c.status = 'refund' THEN -abs(l.amount) ELSE l.amount END AS amount
FROM counts_for c
JOIN purchases p USING (purchase_id)
JOIN purchases r ON r.purchase_id = c.from_id
JOIN (SELECT purchase_id, product_id, quantity, amount FROM purchase_lines
      UNION ALL
      SELECT purchase_id, NULL, NULL, amount FROM purchases p
      WHERE amount IS NOT NULL AND NOT EXISTS (SELECT 1 FROM purchase_lines l WHERE l.purchase_id = p.purchase_id)) l
  ON l.purchase_id = c.from_id
LEFT JOIN products pr USING (product_id)
LEFT JOIN stores s ON s.store_id = p.store_id;

-- What is left of each product on each purchase that counts.
CREATE TABLE kept AS
SELECT v.member_id, v.purchase_id, v.store_id, v.business_date, v.local_time, v.weekday, v.channel, m.name, m.category,
       sum(m.quantity) AS quantity
FROM counting v
JOIN movement m USING (purchase_id)
WHERE m.is_linked AND m.product_id IS NOT NULL
GROUP BY v.member_id, v.purchase_id, v.store_id, v.business_date, v.local_time, v.weekday, v.channel, m.name,
         m.category;

-- The level of each member: the newest of their history, or what is on file for those without a history.
CREATE TABLE level_of_member AS
SELECT m.member_id,
       CASE WHEN count(h.level) = 0 THEN m.loyalty_level
            ELSE (array_agg(h.level ORDER BY h.reached_at DESC)
                  FILTER (WHERE (h.reached_at AT TIME ZONE 'UTC' - interval '4 hours')::date <= :asof))[1] END AS level
FROM members m
LEFT JOIN member_levels h USING (member_id)
GROUP BY m.member_id, m.loyalty_level;

CREATE INDEX ON counting (member_id);
CREATE INDEX ON movement (member_id);
CREATE INDEX ON kept (member_id);
ANALYZE counting, movement, kept;

-- name: everyone
SELECT member_id FROM members;

-- name: verified_members
SELECT member_id FROM members WHERE NOT verified_at IS NULL;

-- name: not_from_sweden
SELECT member_id FROM members EXCEPT SELECT member_id FROM members WHERE country = 'SE';

-- name: staff_of_partners
SELECT m.member_id
FROM members m
JOIN business_customers b USING (business_customer_id)
WHERE b.name = 'Exempelbolaget AB' OR b.name = 'Example Legal LLP';

-- name: reachable_by_email
SELECT m.member_id
FROM members m
JOIN consents c ON c.member_id = m.member_id AND c.channel = 'email'
WHERE m.email IS NOT NULL AND c.status = 'granted'
  AND NOT EXISTS (SELECT 1 FROM consents n
                  WHERE n.member_id = c.member_id AND n.channel = 'email' AND n.changed_at > c.changed_at);

-- name: new_without_purchase
SELECT m.member_id
FROM members m
LEFT JOIN counting v ON v.member_id = m.member_id
WHERE m.joined_on BETWEEN :asof - 89 AND :asof AND v.purchase_id IS NULL;

-- name: visits
SELECT v.purchase_id, v.member_id, v.store_id, v.purchased_at, v.business_date, v.local_time
FROM counting v
WHERE v.member_id IN (SELECT member_id FROM members);

-- name: bought_last_september
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE v.business_date BETWEEN date '2025-09-01' AND date '2025-09-30';

-- name: buys_from_september_on
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.business_date >= date '2026-09-01';

-- name: tuesday_buyers
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.weekday = 2;

-- name: lunch_buyers
SELECT m.member_id FROM members m
WHERE EXISTS (SELECT 1 FROM counting v
              WHERE v.member_id = m.member_id AND v.local_time >= time '11:00' AND v.local_time < time '14:00');

-- name: original_buyers
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept WHERE name = 'Original'
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id);

-- name: lunch_coffee
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept
      WHERE name = 'Bryggkaffe' AND weekday IN (1, 2, 3, 4)
        AND local_time BETWEEN time '11:00' AND time '13:59:59.999999'
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id);

-- name: friday_night
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept
      WHERE category = 'drinks' AND weekday = 5 AND (local_time >= time '22:00' OR local_time < time '02:00')
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id);

-- name: online_buyers
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE v.channel = 'app' OR v.channel = 'wpo';

-- name: large_receipts
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
WHERE v.total >= 300 AND s.currency = 'SEK' AND v.business_date > :asof - 365;

-- name: none_in_september
SELECT m.member_id FROM members m
WHERE NOT EXISTS (SELECT 1 FROM counting v WHERE v.member_id = m.member_id
                  AND v.business_date BETWEEN date '2026-09-01' AND date '2026-09-30');

-- name: at_most_one_in_october
SELECT m.member_id FROM members m
LEFT JOIN counting v ON v.member_id = m.member_id AND v.business_date BETWEEN date '2026-10-01' AND date '2026-10-31'
GROUP BY m.member_id HAVING count(v.purchase_id) <= 1;

-- name: two_to_four
SELECT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.business_date > :asof - 90
GROUP BY m.member_id HAVING count(*) IN (2, 3, 4);

-- name: more_than_twelve
SELECT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.business_date > :asof - 365
GROUP BY m.member_id HAVING count(*) >= 13;

-- name: came_on_ten_days
SELECT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.business_date > :asof - 365
GROUP BY m.member_id HAVING count(DISTINCT v.business_date) >= 10;

-- name: never_bought
SELECT member_id FROM members EXCEPT SELECT member_id FROM counting;

-- name: inactive_for_a_year
SELECT m.member_id FROM members m
LEFT JOIN counting v ON v.member_id = m.member_id AND v.business_date > :asof - 365
WHERE m.joined_on <= :asof - 365
GROUP BY m.member_id HAVING count(v.purchase_id) = 0;

-- name: bought_once
SELECT m.member_id FROM members m JOIN counting v USING (member_id) GROUP BY m.member_id HAVING count(*) = 1;

-- name: monthly_or_more
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id
HAVING count(*) * 30.0
       / CASE WHEN :asof - min(business_date) < 29 THEN 30 ELSE :asof - min(business_date) + 1 END >= 1;

-- name: spent_over_a_thousand
SELECT m.member_id FROM members m JOIN movement v USING (member_id)
WHERE v.currency = 'SEK' AND v.business_date > :asof - 365
GROUP BY m.member_id HAVING sum(v.amount) > 1000;

-- name: coffee_money
SELECT m.member_id FROM members m JOIN movement v USING (member_id)
WHERE v.currency = 'SEK' AND v.business_date > :asof - 365 AND v.category = 'coffee'
GROUP BY m.member_id HAVING sum(v.amount) >= 200;

-- name: high_average
SELECT member_id
FROM (SELECT m.member_id, count(*) AS times
      FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
      WHERE s.currency = 'SEK' AND v.business_date > :asof - 365 GROUP BY m.member_id) v
LEFT JOIN (SELECT member_id, sum(amount) AS spent FROM movement
           WHERE currency = 'SEK' AND business_date > :asof - 365 GROUP BY 1) a USING (member_id)
WHERE coalesce(spent, 0) / times >= 120;

-- name: top_tenth
WITH buyers AS (
    SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
    WHERE s.currency = 'SEK' AND v.business_date > :asof - 365
), spending AS (
    SELECT b.member_id, coalesce(sum(v.amount), 0) AS spent
    FROM buyers b
    LEFT JOIN movement v ON v.member_id = b.member_id AND v.currency = 'SEK' AND v.business_date > :asof - 365
    GROUP BY b.member_id
)
SELECT s.member_id FROM spending s
WHERE 10 * (SELECT count(*) FROM spending o WHERE o.spent <= s.spent) > 9 * (SELECT count(*) FROM spending);

-- name: discount_hunters
SELECT m.member_id
FROM members m JOIN counting v USING (member_id)
WHERE v.business_date > :asof - 365
GROUP BY m.member_id
HAVING count(*) >= 3
   AND count(*) FILTER (WHERE EXISTS (SELECT 1 FROM purchase_lines l
                                      WHERE l.purchase_id = v.purchase_id AND l.discount > 0)) >= count(*) / 3.0;

-- name: bought_within_30_days
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) WHERE v.business_date >= :asof - 29;

-- name: lapsed
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id HAVING max(v.business_date) BETWEEN :asof - 365 AND :asof - 61;

-- name: recency_band
SELECT m.member_id,
       CASE WHEN max(v.business_date) IS NULL THEN 'never bought'
            WHEN :asof - max(v.business_date) >= 365 THEN 'lost'
            WHEN :asof - max(v.business_date) >= 90 THEN 'lapsed'
            WHEN :asof - max(v.business_date) >= 30 THEN 'cooling'
            ELSE 'active' END AS band
FROM members m LEFT JOIN counting v USING (member_id)
GROUP BY m.member_id;

-- name: stopped
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id
HAVING bool_or(v.business_date > :asof - 90 AND v.business_date <= :asof - 30)
   AND NOT bool_or(v.business_date > :asof - 30);

-- name: restarted
SELECT DISTINCT m.member_id
FROM members m
JOIN (SELECT member_id, business_date, lag(business_date) OVER (PARTITION BY member_id ORDER BY business_date) AS before
      FROM counting) v USING (member_id)
WHERE v.business_date > :asof - 30 AND v.business_date - v.before >= 60;

-- name: new_customers
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id HAVING min(v.business_date) > :asof - 60;

-- name: coffee_or_bun
SELECT m.member_id FROM members m JOIN movement v USING (member_id)
WHERE v.name IN ('Bryggkaffe', 'Kanelbulle') AND v.business_date > :asof - 180
GROUP BY m.member_id HAVING sum(v.quantity) > 0;

-- name: coffee_and_bun
SELECT m.member_id FROM members m JOIN movement v USING (member_id) WHERE v.business_date > :asof - 180
GROUP BY m.member_id
HAVING sum(v.quantity) FILTER (WHERE v.name = 'Bryggkaffe') > 0
   AND sum(v.quantity) FILTER (WHERE v.name = 'Kanelbulle') > 0;

-- name: coffee_with_bun
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept WHERE business_date > :asof - 365
      GROUP BY 1, 2
      HAVING sum(quantity) FILTER (WHERE name = 'Bryggkaffe') > 0
         AND sum(quantity) FILTER (WHERE name = 'Kanelbulle') > 0) b USING (member_id);

-- name: neither_coffee_nor_bun
SELECT member_id FROM members
EXCEPT
SELECT member_id FROM movement WHERE name IN ('Bryggkaffe', 'Kanelbulle') AND business_date > :asof - 180
GROUP BY member_id HAVING sum(quantity) > 0;

-- name: coffee_never_bun
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept WHERE category = 'coffee' AND business_date > :asof - 180
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id)
WHERE NOT EXISTS (SELECT 1 FROM kept k WHERE k.member_id = m.member_id AND k.name = 'Kanelbulle'
                  GROUP BY k.purchase_id HAVING sum(k.quantity) > 0);

-- name: started_with_coffee
SELECT m.member_id
FROM members m
CROSS JOIN LATERAL (SELECT purchase_id FROM counting v WHERE v.member_id = m.member_id
                    ORDER BY purchased_at, purchase_id LIMIT 1) f
WHERE f.purchase_id IN (SELECT purchase_id FROM purchase_lines l JOIN products p USING (product_id)
                        WHERE p.category = 'coffee' AND l.quantity > 0);

-- name: affinity
WITH baskets AS (
    SELECT purchase_id, product_id FROM purchase_lines WHERE status = 'completed' GROUP BY 1, 2 HAVING max(quantity) > 0
), times AS (
    SELECT product_id, count(*) AS times, (SELECT count(DISTINCT purchase_id) FROM baskets) AS receipts
    FROM baskets GROUP BY 1
)
SELECT a.product_id, b.product_id AS partner_id, count(*) AS together, max(s.times) AS times,
       max(t.times) AS partner_times, max(s.receipts) AS receipts
FROM baskets a
JOIN baskets b USING (purchase_id)
JOIN times s ON s.product_id = a.product_id
JOIN times t ON t.product_id = b.product_id
WHERE a.product_id <> b.product_id
GROUP BY a.product_id, b.product_id;

-- name: ready_for_a_partner
WITH baskets AS (
    SELECT purchase_id, product_id, member_id, name FROM purchase_lines LEFT JOIN products USING (product_id)
    WHERE status = 'completed' AND quantity > 0 GROUP BY 1, 2, 3, 4
), coffees AS (
    SELECT product_id, count(*)::numeric AS times FROM baskets WHERE name = 'Bryggkaffe' GROUP BY 1
), partners AS (
    SELECT DISTINCT b.product_id
    FROM (SELECT c.product_id AS coffee, b.product_id, count(*)::numeric AS together
          FROM baskets c JOIN baskets b USING (purchase_id)
          WHERE c.name = 'Bryggkaffe' AND c.product_id <> b.product_id GROUP BY 1, 2) b
    JOIN coffees c ON c.product_id = b.coffee
    JOIN (SELECT product_id, count(*)::numeric AS times FROM baskets GROUP BY 1) p ON p.product_id = b.product_id
    WHERE b.together >= 10
      AND b.together * (SELECT count(DISTINCT purchase_id) FROM baskets) >= 1.2 * c.times * p.times
)
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept WHERE name = 'Bryggkaffe' AND business_date > :asof - 365
      GROUP BY 1, 2 HAVING sum(quantity) > 0) k USING (member_id)
WHERE NOT EXISTS (SELECT 1 FROM baskets b JOIN partners USING (product_id) WHERE b.member_id = m.member_id);

-- name: explorers
SELECT member_id
FROM (SELECT DISTINCT m.member_id, p.category
      FROM members m JOIN counting v USING (member_id) JOIN purchase_lines l USING (purchase_id)
      JOIN products p USING (product_id)
      WHERE v.business_date > :asof - 180 AND l.quantity > 0 AND p.category IS NOT NULL) c
GROUP BY member_id HAVING count(*) >= 5;

-- name: one_category_only
SELECT m.member_id
FROM members m JOIN counting v USING (member_id) JOIN purchase_lines l USING (purchase_id)
JOIN products p USING (product_id)
WHERE v.business_date > :asof - 365 AND l.quantity > 0
GROUP BY m.member_id HAVING min(p.category) = max(p.category) AND count(DISTINCT v.purchase_id) > 2;

-- name: due_for_the_season
SELECT m.member_id FROM members m
WHERE EXISTS (SELECT 1 FROM kept k WHERE k.member_id = m.member_id AND k.category = 'dessert'
              AND k.business_date - (:asof - interval '12 months')::date BETWEEN 0 AND 29
              GROUP BY k.purchase_id HAVING sum(k.quantity) > 0)
  AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.member_id = m.member_id AND k.category = 'dessert'
                  AND k.business_date > :asof - 30
                  GROUP BY k.purchase_id HAVING sum(k.quantity) > 0);

-- name: lunch_habit
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE v.weekday < 6 AND extract(hour FROM v.local_time) IN (11, 12, 13) AND v.business_date > :asof - 90
GROUP BY m.member_id HAVING count(*) >= 3;

-- name: mostly_at_lunch
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id
HAVING count(*) >= 5 AND avg(CASE WHEN extract(hour FROM v.local_time) IN (11, 12, 13) THEN 1.0 ELSE 0.0 END) >= 0.5;

-- name: three_weeks_of_four
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE v.business_date BETWEEN :asof - 27 AND :asof
GROUP BY m.member_id HAVING count(DISTINCT (:asof - v.business_date) / 7) >= 3;

-- name: three_week_streak
WITH weeks AS (
    SELECT DISTINCT member_id, date_trunc('week', business_date::timestamp)::date AS monday
    FROM counting JOIN members USING (member_id)
)
SELECT DISTINCT a.member_id
FROM weeks a
JOIN weeks b ON b.member_id = a.member_id AND b.monday = a.monday - 7
JOIN weeks c ON c.member_id = a.member_id AND c.monday = a.monday - 14
WHERE a.monday >= date_trunc('week', :asof::timestamp)::date - 7;

-- name: purchase_gaps
WITH days AS (
    SELECT m.member_id, v.business_date AS day,
           row_number() OVER (PARTITION BY m.member_id ORDER BY v.business_date) AS nth
    FROM members m JOIN counting v USING (member_id)
    GROUP BY m.member_id, v.business_date
), gaps AS (
    SELECT d.member_id, d.day, d.day - e.day AS gap
    FROM days d LEFT JOIN days e ON e.member_id = d.member_id AND e.nth = d.nth - 1
)
SELECT member_id, max(day) AS last_on, count(gap) AS gaps,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median_gap,
       percentile_cont(0.75) WITHIN GROUP (ORDER BY gap) AS long_gap
FROM gaps GROUP BY member_id;

-- name: due_within_a_week
WITH gaps AS (
    SELECT member_id, day, day - lag(day) OVER (PARTITION BY member_id ORDER BY day) AS gap
    FROM (SELECT DISTINCT member_id, business_date AS day FROM counting JOIN members USING (member_id)) d
), medians AS (
    SELECT member_id, max(day) AS last_on, ceil(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap)) AS days
    FROM gaps GROUP BY member_id HAVING count(gap) > 1
)
SELECT member_id FROM medians WHERE last_on + days::integer BETWEEN :asof AND :asof + 7;

-- name: overdue
WITH gaps AS (
    SELECT member_id, day, day - lag(day) OVER (PARTITION BY member_id ORDER BY day) AS gap
    FROM (SELECT DISTINCT member_id, business_date AS day FROM counting JOIN members USING (member_id)) d
)
SELECT member_id FROM gaps GROUP BY member_id
HAVING count(gap) > 1 AND (:asof - max(day)) / 2.0 > percentile_cont(0.75) WITHIN GROUP (ORDER BY gap);

-- name: churn_risk
WITH gaps AS (
    SELECT member_id, day, day - lag(day) OVER (PARTITION BY member_id ORDER BY day) AS gap
    FROM (SELECT DISTINCT member_id, business_date AS day FROM counting JOIN members USING (member_id)) d
)
SELECT member_id FROM gaps GROUP BY member_id
HAVING count(gap) > 1 AND (:asof - max(day)) / 2.0 > percentile_cont(0.75) WITHIN GROUP (ORDER BY gap)
    OR :asof - max(day) BETWEEN 61 AND 365;

-- name: at_the_stations
SELECT DISTINCT m.member_id FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
WHERE s.name IN ('Stockholm Central', 'Uppsala Station') AND v.business_date > :asof - 365;

-- name: home_store
SELECT DISTINCT ON (m.member_id) m.member_id, v.store_id
FROM members m JOIN counting v USING (member_id)
GROUP BY m.member_id, v.store_id
ORDER BY m.member_id, count(*) DESC, max(v.purchased_at) DESC, v.store_id;

-- name: faithful_to_central
SELECT m.member_id FROM members m JOIN counting v USING (member_id) LEFT JOIN stores s USING (store_id)
GROUP BY m.member_id
HAVING count(*) >= 5 AND count(*) FILTER (WHERE s.name = 'Stockholm Central') >= 0.75 * count(*);

-- name: three_stores
SELECT member_id FROM (SELECT DISTINCT m.member_id, v.store_id FROM members m JOIN counting v USING (member_id)) s
GROUP BY member_id HAVING count(*) > 2;

-- name: gold
SELECT member_id FROM level_of_member WHERE level = 'gold';

-- name: silver_or_better
SELECT member_id FROM level_of_member WHERE level IN ('silver', 'gold', 'platinum');

-- name: reached_gold_lately
SELECT m.member_id FROM level_of_member m
JOIN member_levels h USING (member_id)
WHERE h.level IN ('gold', 'platinum') AND m.level IN ('gold', 'platinum')
GROUP BY m.member_id
HAVING (min(h.reached_at) AT TIME ZONE 'Europe/Stockholm' - interval '4 hours')::date BETWEEN :asof - 89 AND :asof;

-- name: level_at_risk
SELECT m.member_id FROM members m
JOIN level_of_member o USING (member_id)
JOIN loyalty_levels l ON l.level = o.level
LEFT JOIN movement v ON v.member_id = m.member_id AND v.currency = 'SEK' AND v.business_date > :asof - 365
WHERE m.country = 'SE'
GROUP BY m.member_id, l.spend_from HAVING coalesce(sum(v.amount), 0) < l.spend_from;

-- name: birthday_within_a_week
SELECT DISTINCT m.member_id
FROM members m
CROSS JOIN generate_series(0, 7) AS ahead
WHERE m.birthday IS NOT NULL AND m.birthday <> date '1900-01-01'
  AND (to_char(m.birthday, 'MM-DD') = to_char(:asof + ahead, 'MM-DD')
       OR to_char(m.birthday, 'MM-DD') = '02-29' AND to_char(:asof + ahead, 'MM-DD') = '02-28'
          AND to_char(:asof + ahead + 1, 'MM-DD') = '03-01');

-- name: joined_anniversary
SELECT DISTINCT m.member_id
FROM members m
CROSS JOIN generate_series(0, 7) AS ahead
WHERE m.joined_on <= :asof - 30
  AND (to_char(m.joined_on, 'MM-DD') = to_char(:asof + ahead, 'MM-DD')
       OR to_char(m.joined_on, 'MM-DD') = '02-29' AND to_char(:asof + ahead, 'MM-DD') = '02-28'
          AND to_char(:asof + ahead + 1, 'MM-DD') = '03-01');

-- name: rfm
WITH buyers AS (
    SELECT m.member_id, max(v.business_date) AS recent, count(*) AS times
    FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
    WHERE s.currency = 'SEK' AND v.business_date > :asof - 365
    GROUP BY m.member_id
), measured AS (
    SELECT b.*, coalesce(a.spent, 0) AS spent
    FROM buyers b
    LEFT JOIN (SELECT member_id, sum(amount) AS spent FROM movement
               WHERE currency = 'SEK' AND business_date > :asof - 365 GROUP BY 1) a USING (member_id)
), ranked AS (
    -- Ranks by counting, in whole numbers: one more than the fifths of the population that lie below.
    SELECT x.member_id,
           (SELECT (5 * count(*) - 1) / n + 1 FROM measured y WHERE y.recent <= x.recent) AS r,
           (SELECT (5 * count(*) - 1) / n + 1 FROM measured y WHERE y.times <= x.times) AS f,
           (SELECT (5 * count(*) - 1) / n + 1 FROM measured y WHERE y.spent <= x.spent) AS m
    FROM measured x CROSS JOIN (SELECT count(*) AS n FROM measured) population
)
SELECT m.member_id, r.r AS recency, r.f AS frequency, r.m AS monetary,
       CASE WHEN r.r IS NULL THEN 'prospect'
            WHEN r.r >= 4 AND r.f >= 4 AND r.m >= 4 THEN 'champions'
            WHEN r.r >= 3 AND r.f >= 4 THEN 'loyal'
            WHEN r.f >= 4 AND r.m >= 4 THEN 'cant-lose'
            WHEN r.r <= 2 AND r.f >= 3 THEN 'at-risk'
            WHEN r.r >= 4 AND r.f >= 2 THEN 'potential-loyalist'
            WHEN r.r = 5 THEN 'new'
            WHEN r.r = 4 THEN 'promising'
            WHEN r.r = 3 AND r.f >= 2 AND r.m >= 3 THEN 'need-attention'
            WHEN r.r = 3 THEN 'about-to-sleep'
            WHEN r.r = 2 THEN 'hibernating'
            ELSE 'lost' END AS name
FROM members m LEFT JOIN ranked r USING (member_id);

-- name: champions_and_lost_champions
WITH buyers AS (
    SELECT m.member_id, max(v.business_date) AS recent, count(*) AS times,
           (SELECT coalesce(sum(a.amount), 0) FROM movement a
            WHERE a.member_id = m.member_id AND a.currency = 'SEK' AND a.business_date > :asof - 365) AS spent
    FROM members m JOIN counting v USING (member_id) JOIN stores s USING (store_id)
    WHERE s.currency = 'SEK' AND v.business_date > :asof - 365
    GROUP BY m.member_id
), placed AS (
    SELECT member_id, cume_dist() OVER (ORDER BY recent) AS r, cume_dist() OVER (ORDER BY times) AS f,
           cume_dist() OVER (ORDER BY spent) AS m
    FROM buyers
)
SELECT member_id FROM placed WHERE f > 0.6 AND m > 0.6 AND (r > 0.6 OR r <= 0.4);

-- name: lunch_coffee_offer
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept
      WHERE name = 'Bryggkaffe' AND weekday <= 4 AND extract(hour FROM local_time) BETWEEN 11 AND 13
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id)
CROSS JOIN LATERAL (SELECT sha256(convert_to('sunday-coffee:' || m.member_id, 'UTF8')) AS h) digest
WHERE (get_byte(h, 0) * 16777216::bigint + get_byte(h, 1) * 65536 + get_byte(h, 2) * 256 + get_byte(h, 3)) % 100 >= 10;

-- name: lunch_coffee_control
SELECT DISTINCT m.member_id FROM members m
JOIN (SELECT member_id, purchase_id FROM kept
      WHERE name = 'Bryggkaffe' AND weekday <= 4 AND extract(hour FROM local_time) BETWEEN 11 AND 13
      GROUP BY 1, 2 HAVING sum(quantity) > 0) b USING (member_id)
CROSS JOIN LATERAL (SELECT sha256(convert_to('sunday-coffee:' || m.member_id, 'UTF8')) AS h) digest
WHERE (get_byte(h, 0) * 16777216::bigint + get_byte(h, 1) * 65536 + get_byte(h, 2) * 256 + get_byte(h, 3)) % 100 < 10;

-- name: good_regulars
SELECT m.member_id
FROM members m
JOIN (SELECT member_id, max(business_date) AS last_on, count(*) FILTER (WHERE business_date > :asof - 365) AS times
      FROM counting GROUP BY member_id) v USING (member_id)
JOIN (SELECT member_id, sum(amount) AS spent FROM movement
      WHERE currency = 'SEK' AND business_date > :asof - 365 GROUP BY 1) a USING (member_id)
WHERE a.spent > 500 AND v.times > 6 AND v.last_on > :asof - 60;

-- name: lunch_coffee_lapsed
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE EXISTS (SELECT 1 FROM kept k
              WHERE k.member_id = m.member_id AND k.name = 'Bryggkaffe' AND k.weekday < 5
                AND k.local_time >= time '11:00' AND k.local_time < time '14:00'
              GROUP BY k.purchase_id HAVING sum(k.quantity) > 0)
GROUP BY m.member_id HAVING max(v.business_date) BETWEEN :asof - 365 AND :asof - 61;

-- name: lunch_coffee_never_on_sunday
SELECT m.member_id FROM members m JOIN counting v USING (member_id)
WHERE EXISTS (SELECT 1 FROM kept k
              WHERE k.member_id = m.member_id AND k.name = 'Bryggkaffe' AND k.weekday < 5
                AND k.local_time >= time '11:00' AND k.local_time < time '14:00'
              GROUP BY k.purchase_id HAVING sum(k.quantity) > 0)
GROUP BY m.member_id HAVING count(*) FILTER (WHERE v.weekday = 7) = 0;

-- name: answered_the_offer
SELECT m.member_id
FROM members m JOIN counting v USING (member_id)
CROSS JOIN LATERAL (SELECT sha256(convert_to('sunday-coffee:' || m.member_id, 'UTF8')) AS h) digest
WHERE EXISTS (SELECT 1 FROM kept k
              WHERE k.member_id = m.member_id AND k.name = 'Bryggkaffe' AND k.weekday < 5
                AND k.local_time >= time '11:00' AND k.local_time < time '14:00'
              GROUP BY k.purchase_id HAVING sum(k.quantity) > 0)
  AND (get_byte(h, 0) * 16777216::bigint + get_byte(h, 1) * 65536 + get_byte(h, 2) * 256 + get_byte(h, 3)) % 100 >= 10
GROUP BY m.member_id
HAVING bool_or(v.business_date >= date '2026-11-02' AND v.business_date < date '2026-11-09');
