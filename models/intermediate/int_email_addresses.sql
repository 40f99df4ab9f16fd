with

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

seen as (

    select
        store_key,
        coalesce(email, '') as email
    from customers
    union
    select
        store_key,
        coalesce(email, '') as email
    from orders

),

final as (

    select
        store_key,
        email,
        case
            when email = '' then 'missing'
            when not {{ is_ascii('email') }} then 'not ASCII'
            when length(email) > 254 or length(split_part(email, '@', 1)) > 64 then 'too long'
            when not {{ is_email('email') }} then 'not an address'
        end as invalid_because
    from seen

)

select * from final
