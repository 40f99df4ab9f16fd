{#-
    The highest score whose border a value passes, else the lowest one. The borders are columns, called
    `borders` and the score, such as borders.recency_5.
-#}
{% macro score_by_borders(value, comparison, borders, lowest=1) -%}
    case
        {%- for score in range(5, lowest, -1) %}
        when {{ value }} {{ comparison }} {{ borders }}_{{ score }} then {{ score }}
        {%- endfor %}
        else {{ lowest }}
    end
{%- endmacro %}
