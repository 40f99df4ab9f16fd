{#- A text on one line, trimmed of any Unicode white space; NULL when nothing is left. -#}
{% macro clean_text(text) -%}
    nullif({{ magento_icommkt.strip_whitespace(magento_icommkt.on_one_line(text)) }}, '')
{%- endmacro %}


{#-
    A text without control characters: a line break or a tab becomes a space, all others go. The pattern says what may
    stay, because a NUL cannot stand in SQL, and an escape would be one engine's own.
-#}
{% macro on_one_line(text) -%}
    {%- set control = "'[^ -~\u00a0-\u2027\u202a-\U0010FFFF]'" -%}
    {%- set breaks = "'\r\n|[\t\n\x0B\f\r\x85\u2028\u2029]'" -%}
    case
        when {{ magento_icommkt.matches_pattern(text, control) }}
            then {{ magento_icommkt.replace_pattern(
                magento_icommkt.replace_pattern(text, breaks, "' '"), control, "''"
            ) }}
        else {{ text }}
    end
{%- endmacro %}
