{#- Products of which none has a brand: most likely the var brand_attribute names what the shop does not have. -#}
{{ config(severity='warn', meta={'show_rows': true}) }}

select
    store_key,
    {{ quoted(var('brand_attribute')) }} as brand_attribute,
    count(*) as products_without_brand
from {{ ref('int_products_labelled') }}
group by store_key
having sum(case when not {{ list_is_empty('brands') }} then 1 else 0 end) = 0
