{#-
    The CustomFields list that ICOMMKT is sent, as exact JSON text: [{"Key": "...", "Value": "..."}, ...].

    `fields` is a list of structs (key, position, max_length) in the order to send; `texts` the list of all
    values, which `position` counts from 1. The engine's own JSON writer does the escaping.
-#}
{% macro profile_fields_json(fields, texts) -%}
    {{ return(adapter.dispatch('profile_fields_json', 'magento_icommkt')(fields, texts)) }}
{%- endmacro %}

{% macro default__profile_fields_json(fields, texts) -%}
    cast(
        to_json(
            list_transform(
                {{ fields }},
                lambda field: {
                    'Key': field.key,
                    'Value': left({{ texts }}[field.position], field.max_length)
                }
            )
        ) as varchar
    )
{%- endmacro %}

{% macro spark__profile_fields_json(fields, texts) -%}
    to_json(
        transform(
            {{ fields }},
            field -> named_struct(
                'Key', field.key,
                'Value', left({{ texts }}[field.position - 1], field.max_length)
            )
        )
    )
{%- endmacro %}


{#- One field of the list that profile_fields_json takes. -#}
{% macro profile_field(key, position, max_length) -%}
    {{ return(adapter.dispatch('profile_field', 'magento_icommkt')(key, position, max_length)) }}
{%- endmacro %}

{% macro default__profile_field(key, position, max_length) -%}
    {'key': {{ key }}, 'position': {{ position }}, 'max_length': {{ max_length }}}
{%- endmacro %}

{% macro spark__profile_field(key, position, max_length) -%}
    named_struct('key', {{ key }}, 'position', {{ position }}, 'max_length', {{ max_length }})
{%- endmacro %}


{#- A list written out from its items, all texts. -#}
{% macro text_list(items) -%}
    {{ return(adapter.dispatch('text_list', 'magento_icommkt')(items)) }}
{%- endmacro %}

{% macro default__text_list(items) -%}
    [
        {{ items | join(',\n        ') }}
    ]
{%- endmacro %}

{% macro spark__text_list(items) -%}
    array(
        {{ items | join(',\n        ') }}
    )
{%- endmacro %}
