{%- set fields = sent_fields() %}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

final as (

    select
        store_key,
        email,
        {{ key_value_json(fields) }} as custom_fields,
        {{ hash_of_fields(fields | selectattr('triggers_send') | list) }} as payload_hash,
        {{ hash_of_fields(fields) }} as content_hash
    from contacts

)

select * from final
