{#-
    A purchase whose amount nothing converts stops the build: its contact would be sent a wrong amount. The message says which
    currency, how many, of which store, and which lines to add to the seed.
-#}
with

missing as (

    select
        store_key,
        base_currency,
        reporting_currency,
        count(*) as orders
    from {{ ref('int_orders_assessed') }}
    where
        is_purchase
        and conversion_rate is null
    group by store_key, base_currency, reporting_currency

),

listed as (

    select
        {{ list_to_text(
            ordered_list(
                "concat(base_currency, ' to ', reporting_currency, ' for ', cast(orders as "
                ~ dbt.type_string() ~ "), ' purchases [store_key ', store_key, ']')",
                "concat(base_currency, ' ', reporting_currency, ' ', store_key)"
            ),
            '; '
        ) }} as missing_rates,
        {{ list_to_text(
            ordered_list(
                "concat(base_currency, ',', reporting_currency, ',,<rate>')",
                "concat(base_currency, ' ', reporting_currency, ' ', store_key)"
            ),
            ' and '
        ) }} as seed_lines
    from missing

)

select missing_rates
from listed
where
    missing_rates is not null
    and {{ raise_error(
        "concat('no exchange rate from ', missing_rates, '. Add to seeds/exchange_rates.csv: ', seed_lines)"
    ) }} is not null
