with

addresses as (

    select * from {{ ref('int_email_addresses') }}

),

exclusions as (

    select * from {{ ref('int_emails_excluded') }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where not_a_purchase_because is distinct from 'before start date'

),

seen as (

    select
        store_key,
        coalesce(email, '') as email,
        1 as accounts,
        0 as orders
    from customers

    union all

    select
        store_key,
        email,
        0 as accounts,
        1 as orders
    from orders

),

emails as (

    select
        store_key,
        email,
        cast(sum(accounts) as bigint) as accounts,
        cast(sum(orders) as bigint) as orders
    from seen
    group by store_key, email

),

checked as (

    select
        emails.store_key,
        emails.email,
        emails.accounts,
        emails.orders,
        addresses.invalid_because,
        exclusions.excluded_because,
        exclusions.excluded_by,
        addresses.invalid_because is null
        and exclusions.excluded_because is null as is_contact
    from emails
    inner join addresses
        on
            emails.store_key = addresses.store_key
            and emails.email = addresses.email
    left join exclusions
        on
            emails.store_key = exclusions.store_key
            and emails.email = exclusions.email

),

final as (

    select
        *,
        cast(row_number() over (order by store_key, email) as bigint) as contact_number
    from checked

)

select * from final
