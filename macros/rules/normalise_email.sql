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
    {{ magento_icommkt.matches_pattern(text, magento_icommkt.quoted("^[^\u0080-\U0010FFFF]*\\z")) }}
{%- endmacro %}


{#-
    Whether a normalised address has an address's form: words of RFC 5322's atoms joined by dots; @; a domain of two or more
    labels of letters, digits and inner hyphens, the last of which begins with a letter.
-#}
{% macro is_email(text) -%}
    {%- set atom = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+" -%}
    {%- set rest_of_label = "([a-z0-9-]*[a-z0-9])?" -%}
    {{ magento_icommkt.matches_pattern(text, magento_icommkt.quoted(
        "^" ~ atom ~ "([.]" ~ atom ~ ")*@([a-z0-9]" ~ rest_of_label ~ "[.])+[a-z]" ~ rest_of_label ~ "\\z"
    )) }}
{%- endmacro %}
