-- depends_on: {{ ref('icommkt_profile_fields') }}
{%- set fields = sent_fields() %}
{%- set triggering_fields = fields | selectattr('triggers_send') | list %}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

written as (

    select
        store_key,
        email,
        purchases_total > 0 as has_purchase,
        {{ key_value_json(fields) }} as custom_fields
        {%- if triggering_fields != fields %},
        {{ key_value_json(triggering_fields) }} as triggering_fields
        {%- endif %}
    from contacts

),

final as (

    select
        store_key,
        email,
        custom_fields,
        md5({{ 'custom_fields' if triggering_fields == fields else 'triggering_fields' }}) as payload_hash,
        has_purchase
    from written

)

select * from final
