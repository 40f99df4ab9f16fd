{#-
    A text without the white space at its ends: every character that Unicode calls White_Space, of which
    SQL's own trim only knows the space.
-#}
{% macro strip_whitespace(text) -%}
    {{ return(adapter.dispatch('strip_whitespace', 'magento_icommkt')(text)) }}
{%- endmacro %}

{% macro unicode_whitespace() -%}
    {{- return(
        "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        ~ "\u2028\u2029\u202f\u205f\u3000"
    ) -}}
{%- endmacro %}

{#- Nearly every text begins and ends with a visible ASCII character: seeing that costs a tenth of trimming it. -#}
{% macro default__strip_whitespace(text) -%}
    case
        when ({{ text }})[1] between '!' and '~' and ({{ text }})[-1] between '!' and '~' then {{ text }}
        else trim({{ text }}, '{{ magento_icommkt.unicode_whitespace() }}')
    end
{%- endmacro %}

{% macro spark__strip_whitespace(text) -%}
    btrim({{ text }}, '{{ magento_icommkt.unicode_whitespace() }}')
{%- endmacro %}
