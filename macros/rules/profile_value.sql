{#-
    The columns of a model with an enforced contract, in its order, as [{name, type}]. The contract is the one
    place that lists the fields of a contact, so a column that is added to it can be sent at once.
-#}
{% macro contract_columns(model_name) -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set node = graph.nodes['model.magento_icommkt.' ~ model_name] -%}
        {%- for column in node.columns.values() -%}
            {%- do columns.append({'name': column.name, 'type': column.data_type | lower}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}


{#-
    A mart column as the text that ICOMMKT is sent, by its type: dates dd/mm/yyyy, money with two decimals,
    truths si and no. Nothing is "", and 0 for money; counts are never empty in the mart.
-#}
{% macro profile_value(column, type) -%}
    {%- if type == 'date' -%}
        coalesce({{ magento_icommkt.format_date(column) }}, '')
    {%- elif type.startswith('decimal') -%}
        case
            when coalesce({{ column }}, 0) = 0 then '0'
            else cast(cast(round({{ column }}, 2) as decimal(20, 2)) as {{ dbt.type_string() }})
        end
    {%- elif type == 'boolean' -%}
        case when {{ column }} then 'si' when not {{ column }} then 'no' else '' end
    {%- else -%}
        coalesce(cast({{ column }} as {{ dbt.type_string() }}), '')
    {%- endif -%}
{%- endmacro %}
