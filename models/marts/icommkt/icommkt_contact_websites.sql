with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

purchases as (

    select * from {{ ref('fct_purchases') }}
    where email is not null

),

stores as (

    select * from {{ ref('int_stores_named') }}

),

account_websites as (

    select
        contacts.store_key,
        contacts.email,
        customers.website_id,
        1 as has_account,
        0 as purchases
    from contacts
    inner join customers
        on
            contacts.store_key = customers.store_key
            and contacts.email = customers.email

),

purchase_websites as (

    select
        purchases.store_key,
        purchases.email,
        stores.website_id,
        0 as has_account,
        1 as purchases
    from purchases
    inner join stores
        on
            purchases.store_key = stores.store_key
            and purchases.store_id = stores.store_id

),

seen as (

    select * from account_websites
    union all
    select * from purchase_websites

),

final as (

    select
        store_key,
        email,
        website_id,
        max(has_account) = 1 as has_account,
        cast(sum(purchases) as bigint) as purchases
    from seen
    where website_id is not null
    group by store_key, email, website_id

)

select * from final
