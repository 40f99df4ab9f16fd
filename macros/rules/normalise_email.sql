{#-
    An e-mail address as the project compares it: white space stripped, ASCII letters in lower case. Other
    letters stay as they are: lower() would turn the Kelvin sign into a k and so make another person's address.
-#}
{% macro normalise_email(email) -%}
    translate(
        {{ magento_icommkt.strip_whitespace(email) }},
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
        'abcdefghijklmnopqrstuvwxyz'
    )
{%- endmacro %}


{#- Whether a normalised e-mail address can be a contact: ASCII, at most 254 characters, one @ between a
    name and a domain with a dot, no blanks. -#}
{% macro is_valid_email(email) -%}
    (
        {{ email }} is not null
        and length({{ email }}) <= 254
        and {{ magento_icommkt.matches_pattern(
            email, "'^[\\x00-\\x7F]*$'") }}
        and {{ magento_icommkt.matches_pattern(
            email, "'^[^@ \\t\\n\\x0B\\f\\r,;]+@[^@ \\t\\n\\x0B\\f\\r]+[.][^@ \\t\\n\\x0B\\f\\r.]+$'") }}
    )
{%- endmacro %}
