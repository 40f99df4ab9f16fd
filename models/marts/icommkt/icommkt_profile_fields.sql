with

fields as (

    select * from {{ ref('icommkt_fields') }}

),

windows as (

    {% for name in var('purchase_windows') -%}
    select
        '{{ name }}' as mart_name,
        '{{ name.title() }}' as key_name
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{# A line with {window} in its column stands for one field of each window. -#}
spread as (

    select
        replace(fields.profile_field_key, '{window}', windows.key_name) as profile_field_key,
        replace(fields.mart_column, '{window}', windows.mart_name) as mart_column,
        fields.type,
        fields.max_length,
        fields.enabled,
        fields.triggers_send,
        1 as rank_of_line
    from fields
    inner join windows
        on instr(fields.mart_column, '{window}') > 0

    union all

    select
        profile_field_key,
        mart_column,
        type,
        max_length,
        enabled,
        triggers_send,
        0 as rank_of_line
    from fields
    where instr(mart_column, '{window}') = 0

),

{# A line that names a window itself overrules. -#}
ranked as (

    select
        *,
        row_number() over (
            partition by mart_column
            order by rank_of_line
        ) as place
    from spread

),

final as (

    select
        profile_field_key,
        mart_column,
        type,
        max_length,
        enabled,
        triggers_send
    from ranked
    where place = 1

)

select * from final
