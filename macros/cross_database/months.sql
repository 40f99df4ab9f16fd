{#- First day of a date's month, as a date. -#}
{% macro month_of(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}


{#- Months from one first day of a month to another, as bigint. -#}
{% macro months_between(since, until) -%}
    cast(
        12 * (extract(year from {{ until }}) - extract(year from {{ since }}))
        + extract(month from {{ until }}) - extract(month from {{ since }})
        as bigint
    )
{%- endmacro %}
