with

items as (

    select * from {{ ref('fct_purchase_items') }}

),

products as (

    select * from {{ ref('int_products_labelled') }}

),

branded as (

    select
        items.store_key,
        items.order_id,
        items.email,
        items.quantity,
        items.amount,
        {{ month_of('items.purchase_date') }} as purchase_month,
        {{ explode_list('products.brands', 'position', 'brand') }}
    from items
    inner join products
        on
            items.store_key = products.store_key
            and items.brand_product_id = products.product_id

),

final as (

    select
        ----------  ids
        store_key,
        brand,
        purchase_month,

        ----------  numerics
        count(distinct order_id) as purchases,
        count(distinct email) as buyers,
        cast(sum(quantity) as decimal(20, 4)) as quantity,
        cast(sum(amount) as decimal(20, 4)) as amount
    from branded
    group by store_key, brand, purchase_month

)

select * from final
