SELECT member_id FROM {{ ref('win_back') }} w JOIN {{ ref('never_bought') }} n USING (member_id)
