{#-
    A model of long lists per contact is made in parts, one statement each, because a database keeps lists in memory
    until their statement ends: so the memory of a build does not grow with the number of contacts.

    The model takes the contacts that in_this_part() lets through, which are those of part 0, and its post-hook
    make_other_parts() runs the same statement for each of the others. The few contacts of a usual night are one part.
-#}

{#- The part of the build that makes a contact, out of `contacts` of them. -#}
{% macro part_of(email, contacts) -%}
    {{ magento_icommkt.bucket_of(
        email, "1 + " ~ magento_icommkt.integer_divide(contacts, var('contacts_per_part') | int)
    ) }}
{%- endmacro %}


{#- Condition on `alias`, rows of int_buyers_versioned: those that the model's own statement makes. -#}
{% macro in_this_part(alias, buyers, settings) -%}
    {%- if magento_icommkt.keeps_rows() and magento_icommkt.number_to_make(buyers, settings) <= var('contacts_per_part') | int -%}
    true
    {%- else -%}
    {{ alias }}.build_part = {{ magento_icommkt.this_part(0) }}
    {%- endif -%}
{%- endmacro %}


{#- The number of a part. No text of a var can look like it, as its quotes would be doubled. -#}
{% macro this_part(number) -%}
    cast('{{ number }}' as int)
{%- endmacro %}


{#- How many contacts have no row that still holds: what the hooks leave, before they have run. -#}
{% macro number_to_make(buyers, settings) -%}
    {%- set found = run_query(
        "select count(*) from " ~ buyers ~ " as buyers inner join " ~ settings ~ " as settings"
        ~ " on buyers.store_key = settings.store_key left join " ~ this ~ " as made"
        ~ " on buyers.store_key = made.store_key and buyers.email = made.email"
        ~ " and buyers._made_from = made._made_from"
        ~ " and settings.as_of_date >= made._holds_from and settings.as_of_date < made._holds_until"
        ~ " where made.email is null"
    ) -%}
    {{ return(found.rows[0][0] | int) }}
{%- endmacro %}


{#- Post-hook of such a model: the parts after the first. -#}
{% macro make_other_parts(buyers) -%}
    {%- if execute and magento_icommkt.this_part(0) in sql -%}
        {%- set last = run_query("select coalesce(max(build_part), 0) from " ~ buyers).rows[0][0] | int -%}
        {%- for part in range(1, last + 1) -%}
            {%- do run_query("insert into " ~ this ~ " " ~ sql | replace(magento_icommkt.this_part(0), magento_icommkt.this_part(part))) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
