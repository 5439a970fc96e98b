-- after: grafana/grafana pkg/tsdb/grafana-postgresql-datasource/macros.go
-- same
SELECT floor(extract(epoch from purchased_at)/86400)*86400 AS "time", count(*) AS value FROM purchases WHERE purchased_at BETWEEN '2020-01-01T00:00:00Z' AND '2030-01-01T00:00:00Z' GROUP BY 1 ORDER BY 1;
-- same
SELECT extract(epoch from purchased_at) as "time", 1 AS value FROM purchases WHERE extract(epoch from purchased_at) >= 1577836800 AND extract(epoch from purchased_at) <= 1893456000 LIMIT 100;
-- gives: [[2]]
SELECT COUNT(member_id) AS members FROM gold LIMIT 50;
