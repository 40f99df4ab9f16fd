with

orders as (

    select * from {{ ref('int_orders_dated') }}

),

returned as (

    select * from {{ ref('int_orders_returned') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

payment_methods as (

    select
        payment_method,
        gateway,
        require_paid,
        nullif({{ strip_whitespace('states') }}, '') as states
    from {{ ref('payment_methods') }}

),

joined as (

    select
        orders.*,
        settings.as_of_date,
        settings.start_date,
        payment_methods.gateway,
        payment_methods.payment_method is not null as is_payment_method_known,
        case
            when coalesce(payment_methods.require_paid, false)
                then orders.base_total_paid > 0
            when payment_methods.states is not null
                then coalesce(
                    instr(concat('|', payment_methods.states, '|'), concat('|', orders.state, '|')) > 0,
                    false
                )
            else
                coalesce(orders.state in ('processing', 'complete', 'closed'), false)
                or orders.base_total_paid > 0
        end as is_paid_for,
        {{ canceled_unpaid('orders.base_total_canceled', 'orders.base_grand_total', 'orders.base_total_paid') }}
            as base_canceled_unpaid,
        returned.lines as returned_lines
    from orders
    inner join settings
        on orders.store_key = settings.store_key
    left join returned
        on
            orders.store_key = returned.store_key
            and orders.order_id = returned.order_id
    left join payment_methods
        on orders.payment_method = payment_methods.payment_method

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
            when order_date < start_date then 'before start date'
            when state = 'canceled' then 'canceled'
            when not is_paid_for then 'not paid'
            when base_amount_left <= 0 and base_grand_total > 0 then 'refunded'
            {#- Rows that were rounded one by one can leave a cent each of what was refunded whole. #}
            when
                (state = 'closed' or base_grand_total <= 0)
                and base_amount_left <= 0.01 * returned_lines
                then 'refunded'
            when order_date > as_of_date then 'after as-of date'
            when base_currency is null then 'no currency'
        end as not_a_purchase_because
    from counted

),

final as (

    select
        ----------  ids
        store_key,
        order_id,
        order_number,
        customer_id,
        store_id,

        ----------  texts
        email,
        state,
        status,
        payment_method,
        gateway,
        base_currency,
        reporting_currency,
        not_a_purchase_because,
        region,
        country,

        ----------  numerics
        base_grand_total,
        base_total_refunded,
        base_canceled_unpaid,
        conversion_rate,
        case
            when not_a_purchase_because is null
                then {{ convert_money('greatest(base_amount_left, 0)', 'conversion_rate') }}
        end as amount,
        {{ convert_money('greatest(0 - base_discount_amount, 0)', 'conversion_rate') }} as discount_amount,

        ----------  booleans
        is_payment_method_known,
        not_a_purchase_because is null as is_purchase,

        ----------  dates
        order_date,

        ----------  timestamps
        created_at,
        created_at_local,

        ----------  lists
        promo_codes
    from judged

)

select * from final
