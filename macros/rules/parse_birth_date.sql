{#- Magento's birth date, "1953-09-18" or "1953-09-18 00:00:00", as a date; NULL for anything else, and before 1900.
    A day that is still to come is left to dim_contacts, which knows the as-of date. -#}
{% macro parse_birth_date(text) -%}
    case
        when {{ magento_icommkt.matches_pattern(
            text, magento_icommkt.quoted("^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?\\z")) }}
        and substr({{ text }}, 1, 4) >= '1900'
            then try_cast(substr({{ text }}, 1, 10) as date)
    end
{%- endmacro %}
