{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_stale_rows(
        order_versions(
            ref('stg_magento__orders'),
            ref('stg_magento__customers'),
            ref('stg_magento__store_views'),
            ref('int_build_settings')
        ),
        'order_id',
        narrowed_by=['load_id']
    ) }}"
) }}

with

orders as (

    select orders.*
    from {{ ref('stg_magento__orders') }} as orders
    where {{ not_made_yet('orders', 'order_id', ['load_id']) }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

store_views as (

    select * from {{ ref('stg_magento__store_views') }}

),

lines as (

    select * from {{ ref('int_order_lines_kept') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

payment_methods as (

    select
        payment_method,
        gateway,
        require_paid,
        {{ seed_text('states') }} as states
    from {{ ref('payment_methods') }}

),

exchange_rates as (

    select
        from_currency,
        to_currency,
        rate,
        coalesce(valid_from, cast('0001-01-01' as date)) as valid_from
    from {{ ref('exchange_rates') }}

),

{# Each rate holds until the day before the next one of the same pair. -#}
dated_rates as (

    select
        from_currency,
        to_currency,
        rate,
        valid_from,
        lead(valid_from) over (
            partition by from_currency, to_currency
            order by valid_from
        ) as valid_until
    from exchange_rates

),

{# Orders that were free, or that Magento closed, and of which every line came back. -#}
returned as (

    select
        orders.store_key,
        orders.order_id,
        count(*) as lines
    from orders
    inner join lines
        on
            orders.store_key = lines.store_key
            and orders.order_id = lines.order_id
    where
        orders.state = 'closed'
        or orders.base_grand_total <= 0
    group by orders.store_key, orders.order_id
    having
        max(lines.quantity_ordered) > 0
        and max(lines.quantity_left) = 0

),

dated as (

    select
        orders.*,
        {{ order_currency('orders', 'store_views') }} as currency,
        settings.as_of_date,
        settings.start_date,
        settings.reporting_currency,
        settings.store_timezone,
        {{ local_date('orders.created_at', store_timezone('settings')) }} as order_date
    from orders
    inner join settings
        on orders.store_key = settings.store_key
    left join store_views
        on
            orders.store_key = store_views.store_key
            and orders.store_id = store_views.store_id

),

joined as (

    select
        dated.*,
        customers.email as account_email,
        {{ order_version('dated', 'customers', 'dated.currency', 'dated') }} as _made_from,
        payment_methods.payment_method is not null as is_payment_method_known,
        payment_methods.gateway,
        case
            when coalesce(payment_methods.require_paid, false)
                then dated.base_total_paid > 0
            when payment_methods.states is not null
                then coalesce(
                    instr(
                        concat('|', payment_methods.states, '|'),
                        concat('|', dated.state, '|')
                    ) > 0,
                    false
                )
            else
                coalesce(dated.state in ('processing', 'complete', 'closed'), false)
                or dated.base_total_paid > 0
        end as is_paid_for,
        case
            when dated.currency = dated.reporting_currency
                then 1
            when
                dated.global_currency = dated.reporting_currency
                and dated.base_to_global_rate > 0
                then dated.base_to_global_rate
            else dated_rates.rate
        end as conversion_rate,
        {{ canceled_unpaid('dated.base_total_canceled', 'dated.base_grand_total', 'dated.base_total_paid') }}
            as base_canceled_unpaid,
        returned.lines as returned_lines
    from dated
    left join customers
        on
            dated.store_key = customers.store_key
            and dated.customer_id = customers.customer_id
            and {{ is_valid_email('customers.email') }}
    left join returned
        on
            dated.store_key = returned.store_key
            and dated.order_id = returned.order_id
    left join payment_methods
        on dated.payment_method = payment_methods.payment_method
    left join dated_rates
        on
            dated.currency = dated_rates.from_currency
            and dated.reporting_currency = dated_rates.to_currency
            and dated.order_date >= dated_rates.valid_from
            and (
                dated_rates.valid_until is null
                or dated.order_date < dated_rates.valid_until
            )

),

counted as (

    select
        *,
        base_grand_total - base_total_refunded - base_canceled_unpaid as base_amount_left
    from joined

),

judged as (

    select
        *,
        case
            when order_date < start_date
                then 'before start date'
            when state = 'canceled'
                then 'canceled'
            when not is_paid_for
                then 'not paid'
            when base_amount_left <= 0 and base_grand_total > 0
                then 'refunded'
            {#- Rows that were rounded one by one can leave a cent each of what was refunded whole. #}
            when base_amount_left <= 0.01 * returned_lines
                then 'refunded'
            when order_date > as_of_date
                then 'after as-of date'
            when currency is null
                then 'no currency'
        end as not_a_purchase_because
    from counted

),

assessed as (

    select
        ----------  ids
        store_key,
        order_id,
        order_number,
        customer_id,
        store_id,

        ----------  texts
        coalesce(account_email, email, '') as email,
        state,
        status,
        payment_method,
        gateway,
        currency as base_currency,
        reporting_currency,
        not_a_purchase_because,
        region,
        country,

        ----------  numerics
        base_grand_total,
        base_total_refunded,
        base_canceled_unpaid,
        base_discount_amount,
        conversion_rate,
        case
            when not_a_purchase_because is null
                then {{ convert_money('greatest(base_amount_left, 0)', 'conversion_rate') }}
        end as amount,

        ----------  booleans
        is_payment_method_known,
        not_a_purchase_because is null as is_purchase,

        ----------  dates
        order_date,

        ----------  timestamps
        created_at,

        ----------  lists
        case
            when coupon_code is not null or coupon_codes is not null
                then {{ clean_list(
                    concat_lists(
                        split_list('coupon_code'),
                        split_list(list_to_text(json_text_list('coupon_codes'), ','))
                    )
                ) }}
        end as promo_codes,

        ----------  making
        _made_from,
        {{ made_by() }}
    from judged

)

select * from assessed
