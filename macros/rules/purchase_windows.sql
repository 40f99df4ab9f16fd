{#-
    The windows of the var purchase_windows, the "plus" one last, each with

    - suffix: what its columns end in, such as 30_days or 360_plus_days
    - days: its length; of the plus window, the days that a purchase must be older than
    - is_plus: whether it is the plus window
    - contains: SQL that says whether a purchase is inside, over the column days_ago
-#}
{% macro purchase_windows(lengths) -%}
    {%- if not lengths or lengths | reject('integer') | list or lengths | sort | unique | list != lengths | list -%}
        {{ exceptions.raise_compiler_error(
            "purchase_windows must be a list of different numbers of days, ascending; it is " ~ lengths
        ) }}
    {%- endif -%}
    {%- set windows = [] -%}
    {%- for days in lengths -%}
        {%- do windows.append({
            'suffix': days ~ '_days',
            'days': days,
            'is_plus': false,
            'contains': 'days_ago between 0 and ' ~ days,
        }) -%}
    {%- endfor -%}
    {%- do windows.append({
        'suffix': lengths[-1] ~ '_plus_days',
        'days': lengths[-1],
        'is_plus': true,
        'contains': 'days_ago > ' ~ lengths[-1],
    }) -%}
    {{ return(windows) }}
{%- endmacro %}
