{#-
    One row per object of a JSON list that a raw table keeps in its rows, with the row's `parent_id` as `parent_key`.
    `fields` are the objects' fields and their types, dots between levels: the column is called as the last part. What
    cannot be read as its type is NULL. `with_deleted` also takes the lists of rows that are gone from Magento.
-#}
{% macro rows_of_list(table, list, parent_id, parent_key, fields, with_deleted=false) -%}
    select
        store_key,
        {{ parent_key }},
        {%- for field, type in fields.items() %}
        {%- set column = field.split('.') | last %}
        {% if type == 'text' -%}
            element.{{ field }}
        {%- elif type == 'bigint' -%} {#- a cast would round 12.5 -#}
            case when element.{{ field }} not like '%.%' then try_cast(element.{{ field }} as bigint) end
        {%- else -%}
            try_cast(element.{{ field }} as {{ type }})
        {%- endif %} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select
            store_key,
            {{ parent_id }} as {{ parent_key }},
            {{ magento_icommkt.explode_json(list, fields, 'element') }}
        from {{ table }}
        {%- if not with_deleted %}
        where _deleted_at is null
        {%- endif %}
    ) as lists
{%- endmacro %}
