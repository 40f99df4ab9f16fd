{#-
    What must hold in every row of icommkt_contacts, whatever the shop: a window inside another holds no more, an average
    times its number is the amount again, a buyer has dates and a prospect has none. The reason says which.
-#}
{%- set windows = var('purchase_windows') -%}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

judged as (

    select
        store_key,
        email,
        case
            {%- for window, days in windows.items() %}
            {%- for other, outer in windows.items() if other != window and outer[0] <= days[0] <= days[1] <= outer[1] %}
            when purchases_{{ window }} > purchases_{{ other }} or amount_{{ window }} > amount_{{ other }}
                then '{{ window }} holds more than {{ other }}'
            {%- endfor %}
            when purchases_{{ window }} > purchases_total or amount_{{ window }} > amount_total
                then '{{ window }} holds more than all'
            when amount_{{ window }} < 0
                then 'amount of {{ window }} is negative'
            when
                purchases_{{ window }} = 0
                and (
                    amount_{{ window }} <> 0
                    or average_amount_{{ window }} <> 0
                    or rfm_{{ window }} is not null
                    or products_{{ window }} is not null
                    or categories_{{ window }} is not null
                    or discount_codes_{{ window }} is not null
                )
                then '{{ window }} has no purchase and yet something in it'
            when purchases_{{ window }} > 0 and rfm_{{ window }} is null
                then '{{ window }} has purchases and no scores'
            when
                abs(average_amount_{{ window }} * purchases_{{ window }} - amount_{{ window }})
                > 0.005 * purchases_{{ window }}
                then 'average of {{ window }} is not amount by number'
            {%- if days[0] == 0 %}
            when (days_since_last_purchase <= {{ days[1] }}) <> (purchases_{{ window }} > 0)
                then 'last purchase and {{ window }} disagree'
            {%- endif %}
            {%- endfor %}
            when (purchases_total = 0) <> (rfm_group = 'PROSPECTS')
                then 'PROSPECTS are those who never bought'
            when (purchases_total = 0) <> (first_purchase_date is null)
                then 'buyers have a first purchase'
            when (purchases_total = 0) <> (last_purchase_date is null)
                then 'buyers have a last purchase'
            when
                days_since_last_purchase < 0
                or days_since_first_purchase < days_since_last_purchase
                then 'purchases lie in the past, the last not before the first'
        end as broken
    from contacts

)

select *
from judged
where broken is not null
