{#- Number and amount over all contacts are those of all purchases of contacts, in all and in each window. -#}
{%- set counted = dict(var('purchase_windows'), total=[0, 1000000]) -%}

with

purchases as (

    select
        purchases.amount,
        {{ days_between('purchases.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchases') }} as purchases
    inner join {{ ref('int_build_settings') }} as settings
        on purchases.store_key = settings.store_key
    where purchases.has_contact

),

of_purchases as (

    select
        {%- for window, days in counted.items() %}
        count(case when days_ago between {{ days[0] }} and {{ days[1] }} then 1 end) as purchases_{{ window }},
        sum(case when days_ago between {{ days[0] }} and {{ days[1] }} then amount end) as amount_{{ window }},
        {%- endfor %}
        'purchases' as counted
    from purchases

),

of_contacts as (

    select
        {%- for window in counted %}
        coalesce(sum(purchases_{{ window }}), 0) as purchases_{{ window }},
        nullif(sum(amount_{{ window }}), 0) as amount_{{ window }},
        {%- endfor %}
        'contacts' as counted
    from {{ ref('icommkt_contacts') }}

)

select of_contacts.*
from of_contacts
cross join of_purchases
where
    1 = 0
    {%- for window in counted %}
    or of_contacts.purchases_{{ window }} <> of_purchases.purchases_{{ window }}
    or coalesce(of_contacts.amount_{{ window }}, 0) <> coalesce(of_purchases.amount_{{ window }}, 0)
    {%- endfor %}
