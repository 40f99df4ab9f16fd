with

lines as (

    select * from {{ ref('int_order_lines_kept') }}
    where quantity_left > 0

),

purchases as (

    select * from {{ ref('fct_purchases') }}

),

product_sets as (

    select * from {{ ref('int_product_sets_labelled') }}

),

{# A composite line whose own product has no brand, or no category, takes those of its children. -#}
labelled as (

    select
        lines.*,
        purchases.email,
        purchases.contact_number,
        purchases.purchase_number,
        purchases.is_last_purchase,
        purchases.purchase_date,
        purchases.purchased_at,
        purchases.conversion_rate,
        purchases.website,
        purchases.store,
        case
            when {{ list_is_empty('products.brands') }} then children.product_ids
            else products.product_ids
        end as brand_product_ids,
        case
            when {{ list_is_empty('products.categories') }} then children.product_ids
            else products.product_ids
        end as category_product_ids,
        case
            when {{ list_is_empty('products.brands') }}
                then {{ list_to_text('children.brands', var('list_separator')) }}
            else {{ list_to_text('products.brands', var('list_separator')) }}
        end as brands,
        case
            when {{ list_is_empty('products.categories') }}
                then {{ list_to_text('children.categories', var('list_separator')) }}
            else {{ list_to_text('products.categories', var('list_separator')) }}
        end as categories
    from lines
    inner join purchases
        on
            lines.store_key = purchases.store_key
            and lines.order_id = purchases.order_id
    left join product_sets as products
        on
            lines.store_key = products.store_key
            and cast(lines.product_id as {{ dbt.type_string() }}) = products.product_ids
    left join product_sets as children
        on
            lines.store_key = children.store_key
            and lines.child_product_ids = children.product_ids

),

final as (

    select
        ----------  ids
        store_key,
        item_id,
        order_id,
        email,
        contact_number,
        product_id,
        variant_product_id,
        child_product_ids,
        brand_product_ids,
        category_product_ids,

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
        purchased_at
    from labelled

)

select * from final
