{{ config(materialized='view') }}
SELECT member_id FROM public.members WHERE member_level(member_id) = 'gold'
