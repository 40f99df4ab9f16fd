with

products as (

    select * from {{ ref('stg_magento__products') }}

),

labels as (

    select * from {{ ref('int_products_labelled') }}

),

lines as (

    select * from {{ ref('int_order_lines_kept') }}
    where product_id is not null

),

{# What Magento deleted before it was ever loaded is known by its order lines alone. -#}
sold as (

    select
        store_key,
        product_id,
        max_by(product_name, item_id) filter (where product_name is not null) as product_name,
        max_by(sku, item_id) filter (where sku is not null) as sku,
        max_by(product_type, item_id) filter (where product_type is not null) as product_type
    from lines
    group by store_key, product_id

),

product_ids as (

    select
        store_key,

        product_id

    from products
    union
    select
        store_key,
        product_id
    from sold

),

final as (

    select
        ----------  ids
        product_ids.store_key,
        product_ids.product_id,

        ----------  texts
        coalesce(products.sku, sold.sku) as sku,
        coalesce(products.product_name, sold.product_name) as product_name,
        coalesce(products.product_type, sold.product_type) as product_type,
        {{ list_to_text('labels.brands', var('list_separator')) }} as brands,
        {{ list_to_text('labels.categories', var('list_separator')) }} as categories,

        ----------  numerics
        products.price as catalog_price,

        ----------  booleans
        products.product_id is not null and not products.is_deleted as is_in_catalog,
        coalesce(products.status = 1, false) and not coalesce(products.is_deleted, true) as is_enabled,
        sold.product_id is not null as was_ordered,

        ----------  custom attributes
        {{ custom_attribute_columns(
            'products.custom_attributes',
            var('product_attributes'),
            ['text', 'integer', 'decimal', 'date', 'boolean', 'label']
        ) }}

        ----------  timestamps
        products.created_at,
        products.deleted_at
    from product_ids
    left join products
        on
            product_ids.store_key = products.store_key
            and product_ids.product_id = products.product_id
    left join labels
        on
            product_ids.store_key = labels.store_key
            and product_ids.product_id = labels.product_id
    left join sold
        on
            product_ids.store_key = sold.store_key
            and product_ids.product_id = sold.product_id
    {{- custom_attribute_joins(
        'products',
        'products.custom_attributes',
        var('product_attributes'),
        ref('stg_magento__attribute_options')
    ) }}

)

select * from final
