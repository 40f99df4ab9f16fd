{#-
    The last CTEs of a model of lists, which then selects from `final`. `bought` is a CTE with a row for each value that
    a purchase adds to a list: contact_number, window_name, value, and the place by which the values are sorted. Comes to a row per contact and window with the list as a
    text: each value once, where it stands first, and as many whole values as icommkt_profile_fields allows the column.
-#}
{% macro lists_by_window(bought, list) -%}
{%- set separator = var('list_separator') -%}
once as (

    select
        contact_number,
        window_name,
        value,
        min(place) as place
    from {{ bought }}
    group by contact_number, window_name, value

),

measured as (

    select
        *,
        sum(length(value) + {{ separator | length }}) over (
            partition by contact_number, window_name
            order by place
        ) - {{ separator | length }} as length_so_far
    from once

),

limits as (

    select
        mart_column,
        max_length
    from {{ ref('icommkt_profile_fields') }}
    where type = 'list'

),

fitting as (

    select measured.*
    from measured
    left join limits
        on limits.mart_column = case
            when measured.window_name = 'last_purchase' then 'last_purchase_{{ list }}'
            else concat('{{ list }}_', measured.window_name)
        end
    where measured.length_so_far <= coalesce(limits.max_length, {{ magento_icommkt.whole_number(var('list_max_length')) }})

),

final as (

    select
        contact_number,
        window_name,
        {{ magento_icommkt.list_to_text(magento_icommkt.ordered_list('value', 'place'), separator) }} as {{ list }}
    from fitting
    group by contact_number, window_name

)
{%- endmacro %}
