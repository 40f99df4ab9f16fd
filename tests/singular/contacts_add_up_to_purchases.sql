{#- Number and amount over all contacts are those of all purchases of contacts, in all and in each window. -#}
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
        {%- for window, days in windows().items() %}
        {%- set suffix = 'total' if window == 'all' else window %}
        {%- if window != 'rfm_period' %}
        count(case when days_ago between {{ days[0] }} and {{ days[1] }} then 1 end) as purchases_{{ suffix }},
        sum(case when days_ago between {{ days[0] }} and {{ days[1] }} then amount end) as amount_{{ suffix }},
        {%- endif %}
        {%- endfor %}
        'purchases' as counted
    from purchases

),

of_contacts as (

    select
        {%- for window in windows() %}
        {%- set suffix = 'total' if window == 'all' else window %}
        {%- if window != 'rfm_period' %}
        coalesce(sum(purchases_{{ suffix }}), 0) as purchases_{{ suffix }},
        nullif(sum(amount_{{ suffix }}), 0) as amount_{{ suffix }},
        {%- endif %}
        {%- endfor %}
        'contacts' as counted
    from {{ ref('icommkt_contacts') }}

)

select of_contacts.*
from of_contacts
cross join of_purchases
where
    1 = 0
    {%- for window in windows() %}
    {%- set suffix = 'total' if window == 'all' else window %}
    {%- if window != 'rfm_period' %}
    or of_contacts.purchases_{{ suffix }} <> of_purchases.purchases_{{ suffix }}
    or coalesce(of_contacts.amount_{{ suffix }}, 0) <> coalesce(of_purchases.amount_{{ suffix }}, 0)
    {%- endif %}
    {%- endfor %}
