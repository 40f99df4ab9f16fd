{#-
    Merchant-specific attributes as columns, from the var customer_attributes or product_attributes: a list of

        { code: dni, type: text, column: dni }

    type is text, integer, decimal, date, boolean, or (of products) label, which looks the option id up in the
    labels that the loader read. What cannot be read as its type is empty. The three macros below give the
    select columns, and for labels the joins.
-#}
{% macro check_custom_attributes(attributes, allowed_types) -%}
    {%- for attribute in attributes -%}
        {%- for key in ['code', 'type', 'column'] -%}
            {%- if key not in attribute or not modules.re.match('^[A-Za-z_][A-Za-z0-9_]*\\Z', attribute[key] | string) -%}
                {{ exceptions.raise_compiler_error(
                    "custom attribute " ~ attribute ~ ": " ~ key ~ " is missing or no name of letters, digits and _"
                ) }}
            {%- endif -%}
        {%- endfor -%}
        {%- if attribute.type not in allowed_types -%}
            {{ exceptions.raise_compiler_error(
                "custom attribute " ~ attribute.code ~ ": type is one of " ~ allowed_types | join(', ')
            ) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- `<value> as <column>,` for each attribute; `json` is the column with Magento's custom_attributes. -#}
{% macro custom_attribute_columns(json, attributes, allowed_types=['text', 'integer', 'decimal', 'date', 'boolean']) -%}
    {{ magento_icommkt.check_custom_attributes(attributes, allowed_types) }}
    {%- for attribute in attributes %}
    {%- set value = magento_icommkt.clean_text(magento_icommkt.custom_attribute(json, attribute.code)) %}
        {% if attribute.type == 'integer' -%}
            try_cast({{ value }} as bigint)
        {%- elif attribute.type == 'decimal' -%}
            try_cast({{ value }} as decimal(20, 4))
        {%- elif attribute.type == 'date' -%}
            try_cast(substr({{ value }}, 1, 10) as date)
        {%- elif attribute.type == 'boolean' -%}
            case lower({{ value }}) when '1' then true when 'true' then true when '0' then false when 'false' then false end
        {%- elif attribute.type == 'label' -%}
            {{ attribute.column }}_options.label
        {%- else -%}
            {{ value }}
        {%- endif %} as {{ attribute.column }},
    {%- endfor -%}
{%- endmacro %}


{#- The joins that label attributes need: `options` is a relation or CTE of stg_magento__attribute_options,
    `entity` the alias that has store_key and, in `json`, the custom attributes. -#}
{% macro custom_attribute_joins(entity, json, attributes, options) -%}
    {%- for attribute in attributes if attribute.type == 'label' %}
    left join {{ options }} as {{ attribute.column }}_options
        on
            {{ entity }}.store_key = {{ attribute.column }}_options.store_key
            and {{ attribute.column }}_options.attribute_code = {{ magento_icommkt.quoted(attribute.code) }}
            and {{ attribute.column }}_options.option_id
            = {{ magento_icommkt.clean_text(magento_icommkt.custom_attribute(json, attribute.code)) }}
    {%- endfor -%}
{%- endmacro %}
