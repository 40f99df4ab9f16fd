with

emails as (

    select * from {{ ref('int_emails_checked') }}

),

excluded as (

    select
        store_key,
        email,
        excluded_because,
        accounts,
        orders
    from emails
    where excluded_because is not null

)

select * from excluded
