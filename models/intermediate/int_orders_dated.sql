with

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

valid_addresses as (

    select * from {{ ref('int_email_addresses') }}
    where invalid_because is null

),

store_views as (

    select * from {{ ref('stg_magento__store_views') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

{# Each rate holds until the day before the next one of the same pair. -#}
exchange_rates as (

    select
        from_currency,
        to_currency,
        rate,
        coalesce(valid_from, cast('0001-01-01' as date)) as valid_from,
        coalesce(
            lead(valid_from) over (partition by from_currency, to_currency order by valid_from nulls first),
            cast('9999-12-31' as date)
        ) as valid_until
    from {{ ref('exchange_rates') }}

),

accounts as (

    select
        customers.store_key,
        customers.customer_id,
        customers.email
    from customers
    inner join valid_addresses
        on
            customers.store_key = valid_addresses.store_key
            and customers.email = valid_addresses.email

),

dated as (

    select
        orders.*,
        coalesce(accounts.email, orders.email, '') as owner_email,
        coalesce(orders.base_currency, store_views.base_currency) as currency,
        settings.reporting_currency,
        {{ convert_timezone('orders.created_at', store_timezone('settings')) }} as created_at_local
    from orders
    inner join settings
        on orders.store_key = settings.store_key
    left join accounts
        on
            orders.store_key = accounts.store_key
            and orders.customer_id = accounts.customer_id
    left join store_views
        on
            orders.store_key = store_views.store_key
            and orders.store_id = store_views.store_id

),

placed as (

    select
        *,
        cast(created_at_local as date) as order_date
    from dated

),

final as (

    select
        ----------  ids
        placed.store_key,
        placed.order_id,
        placed.order_number,
        placed.customer_id,
        placed.store_id,

        ----------  texts
        placed.owner_email as email,
        placed.state,
        placed.status,
        placed.payment_method,
        placed.currency as base_currency,
        placed.reporting_currency,
        placed.region,
        placed.country,

        ----------  numerics
        placed.base_grand_total,
        placed.base_total_paid,
        placed.base_total_refunded,
        placed.base_total_canceled,
        placed.base_discount_amount,
        case
            when placed.currency = placed.reporting_currency then 1
            when placed.global_currency = placed.reporting_currency and placed.base_to_global_rate > 0
                then placed.base_to_global_rate
            else exchange_rates.rate
        end as conversion_rate,

        ----------  dates and timestamps
        placed.order_date,
        placed.created_at,
        placed.created_at_local,

        case
            when placed.coupon_code is not null or placed.coupon_codes is not null
                then {{ clean_list(concat_lists(
                    split_list('placed.coupon_code'),
                    split_list(list_to_text(json_text_list('placed.coupon_codes'), ','))
                )) }}
        end as promo_codes
    from placed
    left join exchange_rates
        on
            placed.currency = exchange_rates.from_currency
            and placed.reporting_currency = exchange_rates.to_currency
            and placed.order_date >= exchange_rates.valid_from
            and placed.order_date < exchange_rates.valid_until

)

select * from final
