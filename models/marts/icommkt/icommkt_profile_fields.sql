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
        fields.triggers_send,
        windows.first_day,
        windows.last_day
    from fields
    inner join windows
        on instr(fields.mart_column, '{window}') > 0

),

named as (

    select
        fields.profile_field_key,
        fields.mart_column,
        fields.type,
        fields.max_length,
        fields.enabled,
        fields.triggers_send,
        spread.first_day,
        spread.last_day
    from fields
    left join spread
        on fields.mart_column = spread.mart_column
    where instr(fields.mart_column, '{window}') = 0

),

final as (

    select * from named
    union all
    select spread.*
    from spread
    left join named
        on spread.mart_column = named.mart_column
    where named.mart_column is null

)

select * from final
