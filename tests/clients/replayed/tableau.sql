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
