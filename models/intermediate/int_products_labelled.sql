with

products as (

    select * from {{ ref('stg_magento__products') }}

),

attribute_options as (

    select * from {{ ref('stg_magento__attribute_options') }}
    where attribute_code = {{ quoted(var('brand_attribute')) }}

),

product_categories as (

    select * from {{ ref('stg_magento__product_categories') }}

),

categories as (

    select * from {{ ref('stg_magento__categories') }}

),

brand_values as (

    select
        store_key,
        product_id,
        {{ custom_attribute('custom_attributes', var('brand_attribute')) }} as brand_value
    from products

),

{# A multiple-choice attribute holds its option ids separated by commas, or as a JSON list. -#}
brand_option_ids as (

    select
        store_key,
        product_id,
        {{ split_list("translate(brand_value, '[]\"', '')") }} as option_ids
    from brand_values

),

brand_options as (

    select
        store_key,
        product_id,
        {{ explode_list('option_ids', 'brand_position', 'option_id') }}
    from brand_option_ids

),

brand_labels as (

    select
        brand_options.store_key,
        brand_options.product_id,
        {{ ordered_list(
            'attribute_options.label',
            'brand_options.brand_position',
            'attribute_options.label is not null'
        ) }} as brands
    from brand_options
    inner join attribute_options
        on
            brand_options.store_key = attribute_options.store_key
            and {{ strip_whitespace('brand_options.option_id') }} = attribute_options.option_id
    group by brand_options.store_key, brand_options.product_id

),

{# An attribute of type text has no options, and its value is the brand. A value of digits alone is not taken for
   one: it is the id of an option whose label could not be read. -#}
stores_with_options as (

    select distinct store_key
    from attribute_options

),

brands as (

    select
        brand_values.store_key,
        brand_values.product_id,
        case
            when
                stores_with_options.store_key is null
                and {{ matches_pattern("translate(brand_values.brand_value, '[]\"', '')", "'[^0-9, ]'") }}
                then {{ text_list(['brand_values.brand_value']) }}
            else brand_labels.brands
        end as brands
    from brand_values
    left join stores_with_options
        on brand_values.store_key = stores_with_options.store_key
    left join brand_labels
        on
            brand_values.store_key = brand_labels.store_key
            and brand_values.product_id = brand_labels.product_id

),

{# Level 0 is the tree's root and level 1 a store's root, which customers never see. -#}
category_names as (

    select
        product_categories.store_key,
        product_categories.product_id,
        {{ ordered_list(
            'categories.category',
            'categories.category_id',
            'categories.category is not null'
        ) }} as categories
    from product_categories
    inner join categories
        on
            product_categories.store_key = categories.store_key
            and product_categories.category_id = categories.category_id
    where categories.category_level >= 2
    group by product_categories.store_key, product_categories.product_id

),

labelled as (

    select
        products.store_key,
        products.product_id,
        {{ clean_list('brands.brands') }} as brands,
        {{ clean_list('category_names.categories') }} as categories
    from products
    left join brands
        on
            products.store_key = brands.store_key
            and products.product_id = brands.product_id
    left join category_names
        on
            products.store_key = category_names.store_key
            and products.product_id = category_names.product_id

)

select * from labelled
