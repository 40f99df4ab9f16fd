{#-
    An e-mail address as the project compares it: white space stripped, ASCII letters in lower case. Other
    letters stay as they are: lower() would turn the Kelvin sign into a k and so make another person's address.
-#}
{% macro normalise_email(email) -%}
    {{ magento_icommkt.lower_ascii(magento_icommkt.strip_whitespace(email)) }}
{%- endmacro %}


{#-
    Whether a text is ASCII. The characters stand in the pattern themselves: Spark reads a backslash in a text as
    the beginning of an escape, DuckDB as a backslash.
-#}
{% macro is_ascii(text) -%}
    {{ magento_icommkt.matches_pattern(text, "'^[^\u0080-\U0010FFFF]*$'") }}
{%- endmacro %}


{#- Whether a normalised e-mail address can be a contact: ASCII, at most 254 characters, one @ between a
    name and a domain with a dot, no blanks. -#}
{% macro is_valid_email(email) -%}
    {%- set blanks = " \t\n\x0B\f\r" -%}
    (
        {{ email }} is not null
        and length({{ email }}) <= 254
        and {{ magento_icommkt.is_ascii(email) }}
        and {{ magento_icommkt.matches_pattern(
            email,
            "'^[^@" ~ blanks ~ ",;]+@[^@" ~ blanks ~ "]+[.][^@" ~ blanks ~ ".]+$'"
        ) }}
    )
{%- endmacro %}
