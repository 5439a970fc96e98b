{{ config(materialized='view') }}
SELECT member_id, last_purchase(member_id)::date AS last_bought_on
FROM public.members
WHERE last_purchase(member_id) < asof() - INTERVAL '60 days'
