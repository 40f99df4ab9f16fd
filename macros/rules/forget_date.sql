{#-
    Before a history model writes: removes what an earlier run of the same as-of date wrote, when that date is the latest
    on record. `record` is the relation with the dates of all runs.
-#}
{% macro forget_date(record) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where exists (
        select 1
        from {{ ref('int_build_settings') }} as settings
        where
            settings.store_key = {{ this.identifier }}.store_key
            and settings.as_of_date = {{ this.identifier }}.as_of_date
            and settings.as_of_date = (
                select max(recorded.as_of_date)
                from {{ record }} as recorded
                where recorded.store_key = settings.store_key
            )
    )
    {%- endif -%}
{%- endmacro %}
