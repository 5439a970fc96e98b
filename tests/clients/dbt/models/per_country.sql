{{ config(materialized='view') }}
SELECT country, count(*) AS members, count(*) FILTER (WHERE bought(member_id, last => '180 days')) AS active
FROM public.members
GROUP BY country
