with

fields as (

    select * from {{ ref('icommkt_fields') }}

),

windows as (

    {% for name, days in var('purchase_windows').items() -%}
    select
        '{{ name }}' as mart_name,
        '{{ name.title() }}' as key_name,
        {{ days[0] }} as first_day,
        {{ days[1] }} as last_day
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{# A line with {window} stands for a field of each window; a line that names a window itself overrules it. -#}
spread as (

    select
        replace(fields.profile_field_key, '{window}', windows.key_name) as profile_field_key,
        replace(fields.mart_column, '{window}', windows.mart_name) as mart_column,
        fields.type,
        fields.max_length,
        fields.enabled,
        fields.triggers_send
    from fields
    inner join windows
        on instr(fields.mart_column, '{window}') > 0

),

named as (

    select
        profile_field_key,
        mart_column,
        type,
        max_length,
        enabled,
        triggers_send
    from fields
    where instr(mart_column, '{window}') = 0

),

together as (

    select * from named
    union all
    select spread.*
    from spread
    left join named
        on spread.mart_column = named.mart_column
    where named.mart_column is null

),

final as (

    select
        together.profile_field_key,
        together.mart_column,
        together.type,
        together.max_length,
        together.enabled,
        together.triggers_send,
        windows.first_day,
        windows.last_day
    from together
    left join windows
        on
            substr(together.mart_column, length(together.mart_column) - length(windows.mart_name))
            = concat('_', windows.mart_name)

)

select * from final
