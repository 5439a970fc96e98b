{{ config(materialized='materialized_view') }}
SELECT member_id, last_bought_on FROM {{ ref('lapsed') }}
WHERE member_id NOT IN (SELECT member_id FROM {{ ref('gold_members') }})
