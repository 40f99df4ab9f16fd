{#-
    An incremental model here keeps the rows whose inputs are as they were, and makes the others again. A row's
    _made_from is the version of its inputs (row_version). Before the model writes, these hooks remove the rows
    whose key is gone from `versions`, a query with the key's columns and _made_from, or has another version there.
    The model then makes what is missing: not_made_yet() in its where.

    Nothing is taken from dates or load ids alone, so a build that was killed, left out for a week or run for an
    earlier day comes to the same rows.
-#}
{% macro forget_stale_rows(versions, key) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where not exists (
        select 1
        from ({{ versions }}) as versions
        where
            versions.store_key = {{ this.identifier }}.store_key
            and versions.{{ key }} = {{ this.identifier }}.{{ key }}
            and versions._made_from = {{ this.identifier }}._made_from
    )
    {%- endif -%}
{%- endmacro %}


{#- For rows that depend on each other within a contact: removes all rows of a contact of whom one is stale or missing. -#}
{% macro forget_stale_contacts(versions, key) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where (store_key, {{ key }}) in (
        with

        differing as (

            select
                coalesce(stored.store_key, versions.store_key) as store_key,
                stored.{{ key }},
                coalesce(stored.email, versions.email) as email
            from {{ this }} as stored
            full outer join ({{ versions }}) as versions
                on
                    stored.store_key = versions.store_key
                    and stored.{{ key }} = versions.{{ key }}
                    and stored._made_from = versions._made_from
            where
                stored.{{ key }} is null
                or versions.{{ key }} is null

        ),

        contacts as (

            select distinct
                store_key,
                email
            from differing

        )

        select
            stored.store_key,
            stored.{{ key }}
        from {{ this }} as stored
        inner join contacts
            on
                stored.store_key = contacts.store_key
                and stored.email = contacts.email
        union
        select
            store_key,
            {{ key }}
        from differing
        where {{ key }} is not null
    )
    {%- endif -%}
{%- endmacro %}


{#- Whether the model adds to what it has made before; a unit test has no table of its own. -#}
{% macro keeps_rows() -%}
    {{ return(this and is_incremental()) }}
{%- endmacro %}


{#- Condition on the rows of `alias`: the model has none with this key yet. True when it starts from nothing. -#}
{% macro not_made_yet(alias, key) -%}
    {%- if magento_icommkt.keeps_rows() -%}
    not exists (
        select 1
        from {{ this }} as made
        where
            made.store_key = {{ alias }}.store_key
            and made.{{ key }} = {{ alias }}.{{ key }}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}


{#- The rules that made a row, as the column _made_by; see should_full_refresh. -#}
{% macro made_by() -%}
    '{{ magento_icommkt.build_rules() }}' as _made_by
{%- endmacro %}
