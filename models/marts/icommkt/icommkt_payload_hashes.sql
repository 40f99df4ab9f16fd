with

payloads as (

    select * from {{ ref('icommkt_payloads') }}

),

final as (

    select
        store_key,
        email,
        payload_hash,
        content_hash
    from payloads

)

select * from final
