{#- 1, and one more for each border that a value passes; NULL where a border is. The borders are columns, such as borders.recency_2. -#}
{% macro score_by_borders(value, comparison, borders) -%}
    1
    {%- for score in [2, 3, 4, 5] %}
    + cast({{ value }} {{ comparison }} {{ borders }}_{{ score }} as int)
    {%- endfor %}
{%- endmacro %}
