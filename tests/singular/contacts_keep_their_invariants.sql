{#-
    What must hold in every row of icommkt_contacts, whatever the shop: windows lie inside each other, the longest one
    and its plus window are everything, an average times its number is the amount again, a buyer has dates and a
    prospect has none. The reason says which.
-#}
{%- set windows = purchase_windows(var('purchase_windows')) -%}
{%- set lasting = windows[:-1] -%}
{%- set plus = windows[-1] -%}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

judged as (

    select
        store_key,
        email,
        case
            {%- for window in lasting[1:] %}
            {%- set shorter = lasting[loop.index0] %}
            when
                purchases_{{ shorter.suffix }} > purchases_{{ window.suffix }}
                or amount_{{ shorter.suffix }} > amount_{{ window.suffix }}
                then '{{ shorter.suffix }} holds more than {{ window.suffix }}'
            {%- endfor %}
            when purchases_{{ lasting[-1].suffix }} + purchases_{{ plus.suffix }} <> purchases_total
                then 'purchases of the longest window and the older ones are not all'
            when amount_{{ lasting[-1].suffix }} + amount_{{ plus.suffix }} <> amount_total
                then 'amounts of the longest window and the older ones are not all'
            {%- for window in windows %}
            when amount_{{ window.suffix }} < 0
                then 'amount of {{ window.suffix }} is negative'
            when
                purchases_{{ window.suffix }} = 0
                and (
                    amount_{{ window.suffix }} <> 0
                    or average_amount_{{ window.suffix }} <> 0
                    or rfm_{{ window.suffix }} is not null
                    or products_{{ window.suffix }} is not null
                    or categories_{{ window.suffix }} is not null
                    or discount_codes_{{ window.suffix }} is not null
                )
                then '{{ window.suffix }} has no purchase and yet something in it'
            when purchases_{{ window.suffix }} > 0 and rfm_{{ window.suffix }} is null
                then '{{ window.suffix }} has purchases and no scores'
            when
                abs(
                    average_amount_{{ window.suffix }} * purchases_{{ window.suffix }}
                    - amount_{{ window.suffix }}
                ) > 0.005 * purchases_{{ window.suffix }}
                then 'average of {{ window.suffix }} is not amount by number'
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
            {%- for window in lasting %}
            when (days_since_last_purchase <= {{ window.days }}) <> (purchases_{{ window.suffix }} > 0)
                then 'last purchase and {{ window.suffix }} disagree'
            {%- endfor %}
        end as broken
    from contacts

)

select *
from judged
where broken is not null
