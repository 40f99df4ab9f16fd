{#- Stops the query with a message, in the place of a value. Build the message from a column: a constant
    one would be worked out, and raised, while the query is planned. -#}
{% macro raise_error(message) -%}
    {{ return(adapter.dispatch('raise_error', 'magento_icommkt')(message)) }}
{%- endmacro %}

{% macro default__raise_error(message) -%}
    error({{ message }})
{%- endmacro %}

{% macro spark__raise_error(message) -%}
    raise_error({{ message }})
{%- endmacro %}
