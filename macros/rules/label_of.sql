{#- The label of a code, from a var such as gender_labels: {1: Male, 2: Female}; NULL for any other code. -#}
{% macro label_of(code, labels) -%}
    case {{ code }}
        {%- for known_code, label in labels.items() %}
        when {{ known_code | int }} then {{ magento_icommkt.clean_text(magento_icommkt.text_literal(label)) }}
        {%- else %}
        when null then null
        {%- endfor %}
    end
{%- endmacro %}
