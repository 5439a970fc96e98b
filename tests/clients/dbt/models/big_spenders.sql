{{ config(materialized='view') }}
SELECT member_id, amount_spent(member_id, last => '365 days', currency => 'SEK') AS spent
FROM public.members
WHERE amount_spent(member_id, last => '365 days', currency => 'SEK') > 100
