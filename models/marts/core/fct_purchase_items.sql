{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_stale_rows(
        numbered_purchase_versions(ref('fct_purchases')), 'order_id', relabelled_purchases(ref('int_products_labelled'))
    ) }}"
) }}

with

lines as (

    select * from {{ ref('int_order_lines_kept') }}
    where is_sold

),

purchases as (

    select purchases.*
    from {{ ref('fct_purchases') }} as purchases
    where {{ not_made_yet('purchases', 'order_id') }}

),

products as (

    select * from {{ ref('int_products_labelled') }}

),

{# A configurable whose own product has no brand or no category takes its variant's. -#}
labelled as (

    select
        lines.*,
        {{ numbered_purchase_version('purchases') }} as item_made_from,
        {{ labels_version('products', 'variants') }} as _labels_made_from,
        purchases.email,
        purchases.purchase_number,
        purchases.is_last_purchase,
        purchases.purchase_date,
        purchases.purchased_at,
        purchases.conversion_rate,
        purchases.website,
        purchases.store,
        case
            when
                lines.product_type = 'configurable'
                and {{ list_is_empty('products.brands') }}
                then variants.product_id
            else products.product_id
        end as brand_product_id,
        case
            when
                lines.product_type = 'configurable'
                and {{ list_is_empty('products.categories') }}
                then variants.product_id
            else products.product_id
        end as category_product_id,
        case
            when
                lines.product_type = 'configurable'
                and {{ list_is_empty('products.brands') }}
                then {{ list_to_text('variants.brands', var('list_separator')) }}
            else {{ list_to_text('products.brands', var('list_separator')) }}
        end as brands,
        case
            when
                lines.product_type = 'configurable'
                and {{ list_is_empty('products.categories') }}
                then {{ list_to_text('variants.categories', var('list_separator')) }}
            else {{ list_to_text('products.categories', var('list_separator')) }}
        end as categories
    from lines
    inner join purchases
        on
            lines.store_key = purchases.store_key
            and lines.order_id = purchases.order_id
    left join products
        on
            lines.store_key = products.store_key
            and lines.product_id = products.product_id
    left join products as variants
        on
            lines.store_key = variants.store_key
            {#- The type stands inside the key: a condition on the left side alone keeps DuckDB from a hash join. #}
            and case when lines.product_type = 'configurable' then lines.variant_product_id end
            = variants.product_id

),

final as (

    select
        ----------  ids
        store_key,
        item_id,
        order_id,
        email,
        product_id,
        variant_product_id,
        brand_product_id,
        category_product_id,

        ----------  texts
        product_type,
        sku,
        product_name,
        brands,
        categories,
        website,
        store,

        ----------  numerics
        quantity_left as quantity,
        {{ convert_money(
            line_amount_left('base_row_total', 'quantity_left', 'quantity_ordered'),
            'conversion_rate'
        ) }} as amount,
        purchase_number,

        ----------  booleans
        is_last_purchase,

        ----------  dates
        purchase_date,

        ----------  timestamps
        purchased_at,

        ----------  making
        item_made_from as _made_from,
        _labels_made_from,
        {{ made_by() }}
    from labelled

)

select * from final
