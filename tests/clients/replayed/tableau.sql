-- source: ildus/clickhouse_fdw issue 42
-- gives: null
BEGIN;
-- gives: null
declare "SQL_CUR000001DB5D2F8590" cursor with hold for SELECT CAST("gold"."member_id" AS TEXT) AS "member_id" FROM "public"."gold" "gold" GROUP BY 1 ORDER BY 1 ASC NULLS FIRST;
-- gives: [["abroad"], ["lunch"]]
fetch 2048 in "SQL_CUR000001DB5D2F8590";
-- gives: null
close "SQL_CUR000001DB5D2F8590";
-- gives: null
COMMIT;
-- source: crate/crate issue 10212
-- gives: null
declare "SQL_CUR0x7fd83880dc00" cursor with hold for SELECT "gold"."member_id" AS "member_id", "gold"."loyalty_points" AS "loyalty_points" FROM "public"."gold" "gold" LIMIT 1000;
-- has: ["abroad", "lunch"]
fetch 1000 in "SQL_CUR0x7fd83880dc00";
-- gives: null
close "SQL_CUR0x7fd83880dc00";
-- source: cube-js/cube issue 10721
-- fails: 0A000
CREATE LOCAL TEMPORARY TABLE "#Tableau___A_BE________D__F___B_____F_FF___D__C_1_Connect_Check" ("COL" INTEGER) ON COMMIT PRESERVE ROWS;
-- fails: 42P10
SELECT "SUBCOL" AS "COL" FROM (SELECT 1 AS "SUBCOL") "SUBQUERY" GROUP BY 2;
-- fails: 42P01
DROP TABLE "#Tableau___A_BE________D__F___B_____F_FF___D__C_1_Connect_Check";
-- after: metriql/metriql issue 75
-- gives: [[2, "lunch"]]
SELECT COUNT(DISTINCT "gold"."member_id") AS "ctd:member_id:ok", MAX("gold"."member_id") AS "max:member_id:nk" FROM "public"."gold" "gold" HAVING (COUNT(1) > 0);
-- after: cube-js/cube issue 11553
-- same
SELECT CAST((DATE_TRUNC('day', CAST("purchases"."purchased_at" AS DATE)) + (-EXTRACT(DOW FROM "purchases"."purchased_at") * INTERVAL '1 DAY')) AS DATE) AS "twk:purchased_at:ok" FROM "public"."purchases" "purchases" GROUP BY 1;
-- same
SELECT DATE_TRUNC('month', CAST("purchases"."purchased_at" AS DATE)) AS "tmn:purchased_at:ok", COUNT(1) AS "cnt" FROM "public"."purchases" "purchases" GROUP BY 1;
