{{ config(materialized='view') }}
SELECT member_id, joined_on FROM public.members WHERE NOT bought(member_id)
