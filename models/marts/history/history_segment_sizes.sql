{#-
    Kept in the state file: what a day was cannot be computed again the day after. A second run of a date replaces it; a
    date earlier than the latest on record writes nothing.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    pre_hook="{{ forget_date(this) }}"
) }}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

{% if is_incremental() -%}
latest_dates as (

    select
        store_key,
        max(as_of_date) as latest_date
    from {{ this }}
    group by store_key

),

dates as (

    select
        settings.store_key,
        settings.as_of_date
    from settings
    left join latest_dates
        on settings.store_key = latest_dates.store_key
    where
        latest_dates.latest_date is null
        or settings.as_of_date > latest_dates.latest_date

),
{%- else -%}
dates as (

    select
        store_key,
        as_of_date
    from settings

),
{%- endif %}

sizes as (

    select
        contacts.store_key,
        dates.as_of_date,
        contacts.rfm_segment,
        max(contacts.rfm_group) as rfm_group,
        count(*) as contacts,
        cast(sum(contacts.purchases_total) as bigint) as purchases_total,
        cast(sum(contacts.amount_total) as decimal(20, 4)) as amount_total
    from contacts
    inner join dates
        on contacts.store_key = dates.store_key
    group by contacts.store_key, dates.as_of_date, contacts.rfm_segment

)

select * from sizes
