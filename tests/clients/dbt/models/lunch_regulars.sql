{{ config(materialized='view') }}
SELECT b.member_id, m.country
FROM {{ ref('lunch_buyers') }} b
JOIN public.members m USING (member_id)
WHERE purchase_count(b.member_id) >= 2
