with

purchases as (

    select * from {{ ref('fct_purchases') }}
    where has_contact

),

buyers as (

    select * from {{ ref('contact_windows') }}
    where window_name = 'all'

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

first_purchases as (

    select
        store_key,
        email,
        {{ month_of('first_purchase_date') }} as cohort_month
    from buyers

),

dated as (

    select
        purchases.store_key,
        purchases.email,
        purchases.amount,
        first_purchases.cohort_month,
        {{ months_between('first_purchases.cohort_month', month_of('purchases.purchase_date')) }}
            as months_since_first_purchase
    from purchases
    inner join first_purchases
        on
            purchases.store_key = first_purchases.store_key
            and purchases.email = first_purchases.email

),

active as (

    select
        store_key,
        cohort_month,
        months_since_first_purchase,
        count(distinct email) as active_buyers,
        count(*) as purchases,
        cast(sum(amount) as decimal(20, 4)) as amount
    from dated
    group by store_key, cohort_month, months_since_first_purchase

),

cohorts as (

    select
        first_purchases.store_key,
        first_purchases.cohort_month,
        max({{ months_between('first_purchases.cohort_month', month_of('settings.as_of_date')) }})
            as months_of_age,
        count(*) as buyers
    from first_purchases
    inner join settings
        on first_purchases.store_key = settings.store_key
    group by first_purchases.store_key, first_purchases.cohort_month

),

{# A month in which nobody of the cohort bought is a row of zeros, so that a curve has no holes. -#}
cohort_months as (

    select
        store_key,
        cohort_month,
        buyers,
        {{ explode_list(numbers_up_to('months_of_age'), 'position', 'months_since_first_purchase') }}
    from cohorts

),

final as (

    select
        ----------  ids
        cohort_months.store_key,
        cohort_months.cohort_month,
        cohort_months.months_since_first_purchase,

        ----------  numerics
        cohort_months.buyers,
        coalesce(active.active_buyers, 0) as active_buyers,
        cast(
            cast(0.01 as decimal(3, 2)) * cast(
                {{ divide_half_up('10000 * coalesce(active.active_buyers, 0)', 'cohort_months.buyers') }}
                as decimal(7, 0)
            ) as decimal(10, 2)
        ) as retention_percent,
        coalesce(active.purchases, 0) as purchases,
        coalesce(active.amount, 0) as amount,
        cast(
            sum(coalesce(active.amount, 0)) over (
                partition by cohort_months.store_key, cohort_months.cohort_month
                order by cohort_months.months_since_first_purchase
            ) as decimal(20, 4)
        ) as amount_so_far
    from cohort_months
    left join active
        on
            cohort_months.store_key = active.store_key
            and cohort_months.cohort_month = active.cohort_month
            and cohort_months.months_since_first_purchase = active.months_since_first_purchase

)

select * from final
