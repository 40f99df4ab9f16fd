with

emails as (

    select * from {{ ref('int_emails_checked') }}

),

invalid as (

    select
        store_key,
        email,
        invalid_because,
        case
            when accounts > 0 and orders > 0 then 'accounts and orders'
            when accounts > 0 then 'accounts'
            else 'orders'
        end as found_in,
        accounts,
        orders
    from emails
    where invalid_because is not null

)

select * from invalid
