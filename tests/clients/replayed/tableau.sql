-- after: metriql/metriql issue 75
-- gives: [[2, "lunch"]]
SELECT COUNT(DISTINCT "gold"."member_id") AS "ctd:member_id:ok", MAX("gold"."member_id") AS "max:member_id:nk" FROM "public"."gold" "gold" HAVING (COUNT(1) > 0);
-- after: cube-js/cube issue 11553
-- same
SELECT CAST((DATE_TRUNC('day', CAST("purchases"."purchased_at" AS DATE)) + (-EXTRACT(DOW FROM "purchases"."purchased_at") * INTERVAL '1 DAY')) AS DATE) AS "twk:purchased_at:ok" FROM "public"."purchases" "purchases" GROUP BY 1;
-- same
SELECT DATE_TRUNC('month', CAST("purchases"."purchased_at" AS DATE)) AS "tmn:purchased_at:ok", COUNT(1) AS "cnt" FROM "public"."purchases" "purchases" GROUP BY 1;
