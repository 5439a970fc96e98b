{{ config(materialized='materialized_view') }}
SELECT member_id FROM {{ ref('lunch_regulars') }}
