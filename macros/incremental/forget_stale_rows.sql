{#-
    An incremental model here keeps the rows whose inputs are as they were, and makes the others again. A row's
    _made_from is the version of its inputs (row_version). Before the model writes, a hook compares the stored versions
    with `versions`, a query with the key's columns and today's _made_from: once, because for a large shop that
    comparison is most of what a quiet night costs. The keys that differ go to a temporary table; the hook removes their
    rows, and the model makes those that there still are: not_made_yet() in its where. A model that reads raw tables
    gives the column `load_id` to both: with the load beside the key, a database passes over what other loads wrote
    without reading more of it than its load. It only narrows: of a row to make, key and load are those of `versions`.

    Nothing is taken from dates or load ids alone, so a build that was killed, left out for a week or run for an
    earlier day comes to the same rows.
-#}

{#-
    Query: `columns` of the rows that are stored with a version that `versions` does not have, or the other way round.
    Those named in `narrowed_by` are only in `versions`, and so NULL for a stored row.
-#}
{% macro differing_rows(versions, key, columns, narrowed_by=[]) -%}
    select
        coalesce(stored.store_key, versions.store_key) as store_key
        {%- for column in columns %},
        coalesce(stored.{{ column }}, versions.{{ column }}) as {{ column }}
        {%- endfor %}
        {%- for column in narrowed_by %},
        versions.{{ column }}
        {%- endfor %}
    from {{ this }} as stored
    full outer join ({{ versions }}) as versions
        on
            stored.store_key = versions.store_key
            and stored.{{ key }} = versions.{{ key }}
            and stored._made_from = versions._made_from
    where
        stored.{{ key }} is null
        or versions.{{ key }} is null
{%- endmacro %}


{#- Hook: removes the rows whose key is gone from `versions`, has another version there, or is given by the query `also`. -#}
{% macro forget_stale_rows(versions, key, also=none, narrowed_by=[]) -%}
    {%- if execute and is_incremental() -%}
    {%- set differing -%}
    {{ magento_icommkt.differing_rows(versions, key, [key], narrowed_by) }}
    {%- if also %}
    union all
    {{ also }}
    {%- endif %}
    {%- endset -%}
    {{ magento_icommkt.forget_rows_to_make(differing, key) }}
    {%- endif -%}
{%- endmacro %}


{#- Hook for rows that depend on each other within a contact: removes all rows of a contact of whom one is stale or missing. -#}
{% macro forget_stale_contacts(versions, key) -%}
    {%- if execute and is_incremental() -%}
    {%- set differing -%}
    with

    differing as (

        {{ magento_icommkt.differing_rows(versions, key, [key, 'email']) }}

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
    {%- endset -%}
    {{ magento_icommkt.forget_rows_to_make(differing, key) }}
    {%- endif -%}
{%- endmacro %}


{#- Name of the temporary table with the keys that the model makes in this build. -#}
{% macro keys_to_make() -%}
    {{ return(this.identifier ~ '__to_make') }}
{%- endmacro %}


{#- Keeps the keys that the query `keys` gives for not_made_yet(); gives the statement that removes their rows. -#}
{% macro forget_rows_to_make(keys, key) -%}
    {%- do run_query(magento_icommkt.create_temporary_table(magento_icommkt.keys_to_make(), keys)) -%}
    delete from {{ this }}
    where (store_key, {{ key }}) in (
        select
            store_key,
            {{ key }}
        from {{ magento_icommkt.keys_to_make() }}
    )
{%- endmacro %}


{#- Whether the model adds to what it has made before; a unit test has no table of its own. -#}
{% macro keeps_rows() -%}
    {{ return(this and is_incremental()) }}
{%- endmacro %}


{#- Condition on the rows of `alias`: the model makes this key in this build. True when it starts from nothing. -#}
{% macro not_made_yet(alias, key, narrowed_by=[]) -%}
    {%- set columns = ['store_key', key] + narrowed_by -%}
    {%- if magento_icommkt.keeps_rows() -%}
    ({{ alias }}.{{ columns | join(', ' ~ alias ~ '.') }}) in (
        select {{ columns | join(', ') }}
        from {{ magento_icommkt.keys_to_make() }}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}


{#- The rules that made a row, as the column _made_by; see should_full_refresh. -#}
{% macro made_by() -%}
    cast({{ magento_icommkt.build_rules() or 0 }} as bigint) as _made_by
{%- endmacro %}
