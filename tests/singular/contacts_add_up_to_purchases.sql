{#- Number and amount over all contacts are those of all purchases of contacts, in all and in each window. -#}
{%- set windows = purchase_windows(var('purchase_windows')) -%}

with

contacts as (

    select
        store_key,
        {%- for window in windows %}
        sum(purchases_{{ window.suffix }}) as purchases_{{ window.suffix }},
        sum(amount_{{ window.suffix }}) as amount_{{ window.suffix }},
        {%- endfor %}
        sum(purchases_total) as purchases_total,
        sum(amount_total) as amount_total
    from {{ ref('icommkt_contacts') }}
    group by store_key

),

purchases as (

    select
        purchases.store_key,
        purchases.amount,
        {{ days_between('purchases.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchases') }} as purchases
    inner join {{ ref('int_build_settings') }} as settings
        on purchases.store_key = settings.store_key
    where purchases.has_contact

),

sums as (

    select
        store_key,
        {%- for window in windows %}
        count(case when {{ window.contains }} then 1 end) as purchases_{{ window.suffix }},
        coalesce(sum(case when {{ window.contains }} then amount end), 0) as amount_{{ window.suffix }},
        {%- endfor %}
        count(*) as purchases_total,
        sum(amount) as amount_total
    from purchases
    group by store_key

)

select
    contacts.store_key,
    contacts.purchases_total,
    sums.purchases_total as purchases_total_of_purchases,
    contacts.amount_total,
    sums.amount_total as amount_total_of_purchases
from contacts
full outer join sums
    on contacts.store_key = sums.store_key
where
    coalesce(contacts.purchases_total, 0) <> coalesce(sums.purchases_total, 0)
    or coalesce(contacts.amount_total, 0) <> coalesce(sums.amount_total, 0)
    {%- for window in windows %}
    or coalesce(contacts.purchases_{{ window.suffix }}, 0) <> coalesce(sums.purchases_{{ window.suffix }}, 0)
    or coalesce(contacts.amount_{{ window.suffix }}, 0) <> coalesce(sums.amount_{{ window.suffix }}, 0)
    {%- endfor %}
