{#- The JSON text [{"Key": ..., "Value": ...}, ...] of a contact's fields. The engine's own writer does the escaping. -#}
{% macro key_value_json(fields) -%}
    {{ return(adapter.dispatch('key_value_json', 'magento_icommkt')(fields)) }}
{%- endmacro %}

{% macro default__key_value_json(fields) -%}
    cast(to_json([
            {%- for field in fields %}
            {'Key': {{ magento_icommkt.quoted(field.profile_field_key) }}, 'Value': {{ magento_icommkt.profile_value(field) }}}{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as varchar)
{%- endmacro %}

{% macro spark__key_value_json(fields) -%}
    to_json(array(
            {%- for field in fields %}
            named_struct('Key', {{ magento_icommkt.quoted(field.profile_field_key) }}, 'Value', {{ magento_icommkt.profile_value(field) }}){{ ',' if not loop.last }}
            {%- endfor %}
        ))
{%- endmacro %}


{#- A short text that differs when a key or a value of a contact's fields does. -#}
{% macro hash_of_fields(fields) -%}
    {%- set keys = magento_icommkt.quoted(fields | map(attribute='profile_field_key') | join('|')) -%}
    {{ return(adapter.dispatch('hash_of_fields', 'magento_icommkt')(fields, keys)) }}
{%- endmacro %}

{% macro default__hash_of_fields(fields, keys) -%}
    md5(cast(to_json([
            {{ keys }}
            {%- for field in fields %},
            {{ magento_icommkt.profile_value(field) }}
            {%- endfor %}
        ]) as varchar))
{%- endmacro %}

{% macro spark__hash_of_fields(fields, keys) -%}
    md5(to_json(array(
            {{ keys }}
            {%- for field in fields %},
            {{ magento_icommkt.profile_value(field) }}
            {%- endfor %}
        )))
{%- endmacro %}
