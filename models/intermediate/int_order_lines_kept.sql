with

lines as (

    select
        items.*,
        cast(greatest(
            items.quantity_ordered
            - items.quantity_refunded
            - {{ canceled_unpaid('items.quantity_canceled', 'items.quantity_ordered', 'items.quantity_invoiced') }},
            0
        ) as decimal(18, 4)) as quantity_left
    from {{ ref('stg_magento__order_items') }} as items

),

{# The lines that stand for others. -#}
parents as (

    select
        store_key,
        item_id,
        product_type
    from {{ ref('stg_magento__order_items') }}
    where product_type in ('configurable', 'bundle')

),

families as (

    select
        store_key,
        parent_item_id,
        sum(base_price * quantity_ordered) as children_price,
        min_by(product_id, item_id) filter (where product_id is not null) as first_child_product_id,
        {{ list_to_text(
            ordered_list('cast(product_id as ' ~ dbt.type_string() ~ ')', 'item_id', 'product_id is not null'), ','
        ) }} as child_product_ids
    from {{ ref('stg_magento__order_items') }}
    where parent_item_id is not null
    group by store_key, parent_item_id

),

{# A bundle whose children carry the price is replaced by them; its own total repeats theirs. -#}
related as (

    select
        lines.*,
        parents.product_type as parent_type,
        own_family.first_child_product_id,
        own_family.child_product_ids,
        lines.product_type = 'bundle'
        and coalesce(own_family.children_price, 0) > 0 as is_dynamic_bundle,
        coalesce(parents.product_type = 'bundle', false)
        and parent_family.children_price > 0 as is_in_dynamic_bundle
    from lines
    left join families as own_family
        on
            lines.store_key = own_family.store_key
            and lines.item_id = own_family.parent_item_id
    left join parents
        on
            lines.store_key = parents.store_key
            and lines.parent_item_id = parents.item_id
    left join families as parent_family
        on
            lines.store_key = parent_family.store_key
            and lines.parent_item_id = parent_family.parent_item_id

),

kept as (

    select
        ----------  ids
        store_key,
        item_id,
        order_id,
        parent_item_id,
        product_id,
        case
            when product_type = 'configurable' then first_child_product_id
            else product_id
        end as variant_product_id,

        ----------  texts
        product_type,
        sku,
        product_name,
        case when product_type in ('configurable', 'bundle') then child_product_ids end as child_product_ids,

        ----------  numerics
        quantity_ordered,
        quantity_left,
        base_row_total,
        base_discount_amount
    from related
    where
        not coalesce(is_dynamic_bundle, false)
        and (
            coalesce(parent_type, '') not in ('configurable', 'bundle')
            or is_in_dynamic_bundle
        )

)

select * from kept
