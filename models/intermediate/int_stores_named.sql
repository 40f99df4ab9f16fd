with

store_views as (

    select * from {{ ref('stg_magento__store_views') }}

),

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

{# store_name is "website, store group, store view", one a line, as it was when the order was placed. -#}
newest_order_names as (

    select
        store_key,
        store_id,
        max_by(store_name, order_id) as store_name
    from orders
    where
        store_id is not null
        and {{ clean_text('store_name') }} is not null
    group by store_key, store_id

),

order_names as (

    select
        store_key,
        store_id,
        {{ clean_text("split_part(store_name, chr(10), 1)") }} as website,
        {{ clean_text("split_part(store_name, chr(10), 3)") }} as store
    from newest_order_names

),

account_websites as (

    select
        store_key,
        store_id,
        max_by(website_id, customer_id) as website_id
    from customers
    where
        store_id > 0
        and website_id is not null
    group by store_key, store_id

),

store_ids as (

    select
        store_key,
        store_id
    from store_views
    union
    select
        store_key,
        store_id
    from order_names
    union
    select
        store_key,
        store_id
    from account_websites

),

named as (

    select
        store_ids.store_key,
        store_ids.store_id,
        coalesce(store_views.store, order_names.store) as store,
        coalesce(order_names.website, store_views.website_code) as website,
        order_names.website as website_on_orders,
        coalesce(store_views.website_id, account_websites.website_id) as website_id
    from store_ids
    left join store_views
        on
            store_ids.store_key = store_views.store_key
            and store_ids.store_id = store_views.store_id
    left join order_names
        on
            store_ids.store_key = order_names.store_key
            and store_ids.store_id = order_names.store_id
    left join account_websites
        on
            store_ids.store_key = account_websites.store_key
            and store_ids.store_id = account_websites.store_id

),

{# A store view whose website id nothing tells takes the id of a view with the same website name. -#}
website_ids as (

    select
        store_key,
        website_on_orders,
        min(website_id) as website_id
    from named
    where
        website_on_orders is not null
        and website_id is not null
    group by store_key, website_on_orders

),

identified as (

    select
        named.store_key,
        named.store_id,
        named.store,
        named.website,
        coalesce(named.website_id, website_ids.website_id) as website_id
    from named
    left join website_ids
        on
            named.store_key = website_ids.store_key
            and named.website_on_orders = website_ids.website_on_orders

)

select * from identified
