with

purchases as (

    select * from {{ ref('purchase_windows') }}

),

contacts as (

    select * from {{ ref('dim_contacts') }}

),

counted as (

    select
        contact_number,
        window_name,
        count(*) as purchases,
        cast(sum(amount) as decimal(20, 4)) as amount,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date,
        min(days_ago) as days_since_last_purchase
    from purchases
    group by contact_number, window_name

),

final as (

    select
        ----------  ids
        contacts.store_key,
        contacts.email,
        counted.window_name,
        counted.contact_number,

        ----------  numerics
        counted.purchases,
        counted.amount,
        {{ average_money('counted.amount', 'counted.purchases') }} as average_amount,
        counted.days_since_last_purchase,

        ----------  dates
        counted.first_purchase_date,
        counted.last_purchase_date
    from counted
    inner join contacts
        on counted.contact_number = contacts.contact_number

)

select * from final
