with

purchases as (

    select * from {{ ref('fct_purchases') }}
    where email is not null

),

items as (

    select * from {{ ref('fct_purchase_items') }}
    where email is not null

),

pieces as (

    select
        store_key,
        email,
        {{ row_version(['order_id', '_made_from']) }} as version
    from purchases
    union all
    select
        store_key,
        email,
        {{ row_version(['item_id', '_made_from', '_labels_made_from']) }} as version
    from items

),

versions as (

    select
        store_key,
        email,
        {{ group_version('version') }} as _made_from
    from pieces
    group by store_key, email

),

counted as (

    select count(*) as buyers
    from versions

),

final as (

    select
        ----------  ids
        versions.store_key,
        versions.email,

        ----------  making
        versions._made_from,
        {{ part_of('versions.email', 'counted.buyers') }} as build_part
    from versions
    cross join counted

)

select * from final
