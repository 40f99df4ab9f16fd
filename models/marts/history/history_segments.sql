{#-
    Kept in the state file, only changes. history_segment_sizes has the dates of all runs, also of those in which nobody moved:
    whether this build may write is decided by them.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    pre_hook="{{ forget_date(ref('history_segment_sizes')) }}"
) }}

with

contacts as (

    select * from {{ ref('rfm_contacts') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

latest_dates as (

    select
        store_key,
        max(as_of_date) as latest_date
    from {{ ref('history_segment_sizes') }}
    group by store_key

),

dates as (

    select
        settings.store_key,
        settings.as_of_date
    from settings
    inner join latest_dates
        on
            settings.store_key = latest_dates.store_key
            and settings.as_of_date = latest_dates.latest_date

),

today as (

    select
        contacts.store_key,
        contacts.email,
        contacts.rfm_group,
        contacts.rfm_segment
    from contacts
    inner join dates
        on contacts.store_key = dates.store_key

),

{% if is_incremental() -%}
ranked as (

    select
        history.store_key,
        history.email,
        history.rfm_group,
        history.rfm_segment,
        row_number() over (
            partition by history.store_key, history.email
            order by history.as_of_date desc
        ) as place
    from {{ this }} as history
    inner join dates
        on history.store_key = dates.store_key
    where history.as_of_date < dates.as_of_date

),
{%- else -%}
ranked as (

    select
        store_key,
        email,
        rfm_group,
        rfm_segment,
        1 as place
    from today
    where 1 = 0

),
{%- endif %}

before as (

    select * from ranked
    where
        place = 1
        and rfm_segment is not null

),

compared as (

    select
        coalesce(today.store_key, before.store_key) as store_key,
        coalesce(today.email, before.email) as email,
        today.rfm_group,
        today.rfm_segment,
        before.rfm_group as previous_rfm_group,
        before.rfm_segment as previous_rfm_segment
    from today
    full outer join before
        on
            today.store_key = before.store_key
            and today.email = before.email
    where
        today.rfm_segment is null
        or before.rfm_segment is null
        or today.rfm_segment <> before.rfm_segment

),

changes as (

    select
        compared.store_key,
        compared.email,
        dates.as_of_date,
        compared.rfm_group,
        compared.rfm_segment,
        compared.previous_rfm_group,
        compared.previous_rfm_segment
    from compared
    inner join dates
        on compared.store_key = dates.store_key

)

select * from changes
