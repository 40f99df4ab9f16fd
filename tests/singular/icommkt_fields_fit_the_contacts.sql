{#- Every line of the seed icommkt_fields names a column of icommkt_contacts whose type fits the field's. -#}
{%- set columns = contract_columns('icommkt_contacts') -%}

with

fields as (

    select * from {{ ref('icommkt_fields') }}

),

mart_columns as (

    select
        '' as mart_column,
        '' as data_type
    {%- for column in columns %}
    union all
    select
        '{{ column.name }}' as mart_column,
        '{{ "decimal" if column.type.startswith("decimal") else column.type }}' as data_type
    {%- endfor %}

)

select
    fields.profile_field_key,
    fields.mart_column,
    fields.type,
    mart_columns.data_type
from fields
left join mart_columns
    on fields.mart_column = mart_columns.mart_column
where
    mart_columns.mart_column is null
    or not coalesce(
        case fields.type
            when 'date' then mart_columns.data_type = 'date'
            when 'money' then mart_columns.data_type = 'decimal'
            when 'boolean' then mart_columns.data_type = 'boolean'
            when 'count' then mart_columns.data_type in ('bigint', 'int')
            when 'days' then mart_columns.data_type in ('bigint', 'int')
            else mart_columns.data_type = 'string'
        end,
        false
    )
