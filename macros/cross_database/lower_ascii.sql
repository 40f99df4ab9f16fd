{#- A text with its ASCII letters in lower case and all others as they are. -#}
{% macro lower_ascii(text) -%}
    {{ return(adapter.dispatch('lower_ascii', 'magento_icommkt')(text)) }}
{%- endmacro %}

{#- lower() is ten times faster than translate(), and the same where every character is one byte. -#}
{% macro default__lower_ascii(text) -%}
    case
        when strlen({{ text }}) = length({{ text }}) then lower({{ text }})
        else translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
    end
{%- endmacro %}

{% macro spark__lower_ascii(text) -%}
    translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro %}
