{{ config(materialized='view') }}
SELECT member_id FROM public.members WHERE bought(member_id, days => 'mon-thu')
