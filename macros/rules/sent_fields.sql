{#-
    The enabled lines of icommkt_profile_fields in the order of the columns of icommkt_contacts, in which they are sent;
    each has profile_field_key, mart_column, type, max_length and triggers_send. Empty before the first build.
-#}
{% macro sent_fields() -%}
    {%- set fields = [] -%}
    {%- set source = ref('icommkt_profile_fields') -%}
    {%- if execute and load_relation(source) is not none -%}
        {%- set lines = run_query("select * from " ~ source ~ " where enabled").rows -%}
        {%- for column in graph.nodes['model.magento_icommkt.icommkt_contacts'].columns -%}
            {%- for line in lines if line.mart_column == column -%}
                {%- do fields.append(line.dict()) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- if fields | length < lines | length -%}
            {{ exceptions.raise_compiler_error(
                "the seed icommkt_fields or purchase_windows names what icommkt_contacts.yml does not: run make fields"
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(fields) }}
{%- endmacro %}


{#- A field's column as the text that ICOMMKT is sent. Nothing is "", of money 0; a count is never empty. -#}
{% macro profile_value(field) -%}
    {%- set column = field.mart_column -%}
    {%- if field.type == 'date' -%}
        coalesce({{ magento_icommkt.format_date(column) }}, '')
    {%- elif field.type == 'money' -%}
        case when coalesce({{ column }}, 0) = 0 then '0' else cast(cast(round({{ column }}, 2) as decimal(20, 2)) as {{ dbt.type_string() }}) end
    {%- elif field.type == 'boolean' -%}
        case when {{ column }} then 'si' when not {{ column }} then 'no' else '' end
    {%- elif field.type == 'text' and field.max_length -%}
        substr(coalesce({{ column }}, ''), 1, {{ field.max_length }})
    {%- else -%}
        coalesce(cast({{ column }} as {{ dbt.type_string() }}), '')
    {%- endif -%}
{%- endmacro %}

