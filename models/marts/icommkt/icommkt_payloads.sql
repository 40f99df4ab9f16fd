{%- set fields = sent_fields() %}
{%- set triggering = fields | selectattr('triggers_send') | list %}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

written as (

    select
        *,
        purchases_total > 0 as has_purchase,
        {{ key_value_json(fields) }} as custom_fields
    from contacts

),

final as (

    select
        store_key,
        email,
        custom_fields,
        md5({{ 'custom_fields' if triggering == fields else key_value_json(triggering) }}) as payload_hash,
        has_purchase
    from written

)

select * from final
