{#- Number and amount over all contacts are those of all purchases of contacts, in all and in each window. -#}
with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

purchases as (

    select
        purchases.amount,
        {{ days_between('purchases.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchases') }} as purchases
    inner join {{ ref('int_build_settings') }} as settings
        on purchases.store_key = settings.store_key
    where purchases.has_contact

),

compared as (

    {% for window, days in windows().items() if window != 'rfm_period' -%}
    {%- set suffix = 'total' if window == 'all' else window -%}
    select
        '{{ window }}' as window_name,
        (select sum(purchases_{{ suffix }}) from contacts) as purchases_of_contacts,
        (select count(*) from purchases where days_ago between {{ days[0] }} and {{ days[1] }}) as purchases,
        (select sum(amount_{{ suffix }}) from contacts) as amount_of_contacts,
        (select sum(amount) from purchases where days_ago between {{ days[0] }} and {{ days[1] }}) as amount
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select *
from compared
where
    coalesce(purchases_of_contacts, 0) <> purchases
    or coalesce(amount_of_contacts, 0) <> coalesce(amount, 0)
