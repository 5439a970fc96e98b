{{ config(materialized='view') }}
SELECT member_id FROM public.members WHERE bought(member_id, hours => '11:00-14:00')
