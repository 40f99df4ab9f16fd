{#-
    The value of one of Magento's custom attributes as text; NULL when the entity has none. `attributes` is
    a JSON list of {"attribute_code", "value"}; a value that is itself a list comes as that list's JSON.
-#}
{% macro custom_attribute(attributes, code) -%}
    {{ return(adapter.dispatch('custom_attribute', 'magento_icommkt')(attributes, code)) }}
{%- endmacro %}

{% macro default__custom_attribute(attributes, code) -%}
    list_filter(
        from_json({{ attributes }}, '[{"attribute_code": "VARCHAR", "value": "VARCHAR"}]'),
        lambda attribute: attribute.attribute_code = {{ magento_icommkt.quoted(code) }}
    )[1].value
{%- endmacro %}

{% macro spark__custom_attribute(attributes, code) -%}
    try_element_at(
        filter(
            from_json({{ attributes }}, 'array<struct<attribute_code: string, value: string>>'),
            attribute -> attribute.attribute_code = {{ magento_icommkt.quoted(code) }}
        ),
        1
    ).value
{%- endmacro %}
