{%- set columns = contract_columns('icommkt_contacts') -%}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

fields as (

    select
        profile_field_key,
        triggers_send,
        coalesce(max_length, 1000000) as max_length,
        case mart_column
            {%- for column in columns %}
            when '{{ column.name }}' then {{ loop.index }}
            {%- endfor %}
            {%- if not columns %}
            when '' then 0
            {%- endif %}
        end as position
    from {{ ref('icommkt_fields') }}
    where enabled

),

{# One row: the fields to send, and those whose change makes a contact be sent. -#}
field_lists as (

    select
        {{ ordered_list(profile_field('profile_field_key', 'position', 'max_length'), 'position') }}
            as all_fields,
        {{ ordered_list(
            profile_field('profile_field_key', 'position', 'max_length'), 'position', 'triggers_send'
        ) }} as triggering_fields,
        count(case when not triggers_send then 1 end) = 0 as do_all_trigger
    from fields

),

texts as (

    select
        store_key,
        email,
        purchases_total > 0 as has_purchase,
        {% set texts = [] -%}
        {%- for column in columns -%}
        {%- do texts.append(profile_value(column.name, column.type)) -%}
        {%- endfor -%}
        {{ text_list(texts or ["''"]) }} as texts
    from contacts

),

written as (

    select
        texts.store_key,
        texts.email,
        texts.has_purchase,
        {{ profile_fields_json('field_lists.all_fields', 'texts.texts') }} as custom_fields,
        case
            when not field_lists.do_all_trigger
                then {{ profile_fields_json('field_lists.triggering_fields', 'texts.texts') }}
        end as triggering_fields
    from texts
    cross join field_lists

),

final as (

    select
        store_key,
        email,
        custom_fields,
        md5(coalesce(triggering_fields, custom_fields)) as payload_hash,
        has_purchase
    from written

)

select * from final
