with

purchases as (

    select * from {{ ref('fct_purchases') }}
    where has_contact

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

windows as (

    {% for name, days in windows().items() -%}
    select
        '{{ name }}' as window_name,
        {{ days[0] }} as first_day,
        {{ days[1] }} as last_day
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

dated as (

    select
        purchases.*,
        {{ days_between('purchases.purchase_date', 'settings.as_of_date') }} as days_ago
    from purchases
    inner join settings
        on purchases.store_key = settings.store_key

),

placed as (

    select
        dated.*,
        windows.window_name
    from dated
    inner join windows
        on dated.days_ago between windows.first_day and windows.last_day

    union all

    select
        *,
        'last_purchase' as window_name
    from dated
    where is_last_purchase

),

final as (

    select
        store_key,
        order_id,
        window_name,
        contact_number,
        purchase_number,
        amount,
        purchase_date,
        days_ago
    from placed

)

select * from final
