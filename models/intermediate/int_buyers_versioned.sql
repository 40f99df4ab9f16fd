with

versions as (

    {{ buyer_versions(ref('fct_purchases'), ref('fct_purchase_items')) }}

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
