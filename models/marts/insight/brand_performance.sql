with

items as (

    select * from {{ ref('fct_purchase_items') }}

),

product_brands as (

    select * from {{ ref('product_brands') }}

),

sold as (

    select
        items.store_key,
        product_brands.brand,
        items.order_id,
        items.email,
        items.quantity,
        items.amount,
        {{ month_of('items.purchase_date') }} as purchase_month
    from items
    inner join product_brands
        on
            items.store_key = product_brands.store_key
            and items.brand_product_ids = product_brands.product_ids

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
    from sold
    group by store_key, brand, purchase_month

)

select * from final
