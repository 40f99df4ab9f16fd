{#- A purchase whose amount nothing converts stops the build, and the message says which currency and how many. -#}
with

missing as (

    select
        coalesce(base_currency, 'no currency') as currency,
        reporting_currency,
        count(*) as orders
    from {{ ref('int_orders_assessed') }}
    where
        is_purchase
        and conversion_rate is null
    group by coalesce(base_currency, 'no currency'), reporting_currency

),

listed as (

    select
        {{ list_to_text(
            ordered_list(
                "concat(currency, ' to ', reporting_currency, ' for ', cast(orders as "
                ~ dbt.type_string() ~ "), ' purchases')",
                "concat(currency, ' ', reporting_currency)"
            ),
            '; '
        ) }} as missing_rates
    from missing

)

select missing_rates
from listed
where
    missing_rates is not null
    and {{ raise_error(
        "concat('no exchange rate from ', missing_rates, '. Add it to seeds/exchange_rates.csv')"
    ) }} is not null
