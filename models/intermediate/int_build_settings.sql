{#- The only model that may look at the clock: everything else takes its dates from here. -#}
with

store_views as (

    select * from {{ ref('stg_magento__store_views') }}

),

stores as (

    select store_key from {{ ref('stg_magento__store_views') }}
    union
    select store_key from {{ ref('stg_magento__customers') }}
    union
    select store_key from {{ ref('stg_magento__orders') }}

),

own_settings as (

    select * from {{ ref('stores') }}

),

default_store_views as (

    select
        store_key,
        max(store_timezone) as store_timezone,
        max(base_currency) as base_currency
    from store_views
    where is_default
    group by store_key

),

chosen as (

    select
        stores.store_key,
        coalesce(
            own_settings.store_timezone,
            {{ text_literal(var('store_timezone')) }},
            default_store_views.store_timezone
        ) as store_timezone,
        coalesce(
            own_settings.reporting_currency,
            {{ text_literal(var('reporting_currency')) }},
            default_store_views.base_currency
        ) as reporting_currency,
        {{ date_literal(var('as_of_date') or env_var('BUILD_AS_OF_DATE', '')) }} as as_of_date,
        coalesce(
            own_settings.start_date,
            {{ date_literal(var('start_date') or env_var('SOURCES__MAGENTO__START_DATE', '')) }}
        ) as start_date
    from stores
    left join own_settings
        on stores.store_key = own_settings.store_key
    left join default_store_views
        on stores.store_key = default_store_views.store_key

),

checked as (

    select
        store_key,
        start_date,
        as_of_date,
        coalesce(
            store_timezone,
            {{ raise_error(
                "concat('no time zone: the default store view was not loaded; load it or say it in seeds/stores.csv "
                ~ "[store_key ', store_key, ']')"
            ) }}
        ) as store_timezone,
        coalesce(
            reporting_currency,
            {{ raise_error(
                "concat('no currency: the default store view was not loaded; load it or say it in "
                ~ "seeds/stores.csv [store_key ', store_key, ']')"
            ) }}
        ) as reporting_currency
    from chosen

),

settings as (

    select
        store_key,
        store_timezone,
        reporting_currency,
        coalesce(
            as_of_date,
            {{ local_date(current_utc_timestamp(), 'store_timezone') }}
        ) as as_of_date,
        start_date
    from checked

)

select * from settings
