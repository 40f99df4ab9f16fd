{#-
    Every window that a purchase is placed in, as {name: [from, to how many days ago]}: those of the var purchase_windows, `all`,
    and `rfm_period` when the var rfm_period_days gives one.
-#}
{% macro windows() -%}
    {%- set found = {} -%}
    {%- for name, days in var('purchase_windows').items() -%}
        {%- if not modules.re.match('^[a-z0-9_]+$', name) or name in ['all', 'last_purchase', 'rfm_period']
            or days | length != 2 or days | reject('integer') | list or days[0] < 0 or days[0] > days[1] -%}
            {{ exceptions.raise_compiler_error(
                "purchase_windows: write a window as 30_days: [0, 30], from and to how many days ago, not "
                ~ name ~ ": " ~ days
            ) }}
        {%- endif -%}
        {%- do found.update({name: days}) -%}
    {%- endfor -%}
    {%- do found.update({'all': [0, 1000000]}) -%}
    {%- if magento_icommkt.rfm_period() is not none -%}
        {%- do found.update({'rfm_period': [0, magento_icommkt.rfm_period()]}) -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}


{#- The days that overall scores look back, from the var rfm_period_days; none when they look at all purchases. -#}
{% macro rfm_period() -%}
    {%- set days = '' if var('rfm_period_days') is none else var('rfm_period_days') | string | trim -%}
    {{ return(magento_icommkt.whole_number(days) if days else none) }}
{%- endmacro %}
