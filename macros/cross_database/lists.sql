{#- Lists (arrays): every use of them goes through these macros, because no two engines agree on one. -#}

{#- List of `value` in the order of `order_by`, over the rows of a group that meet `where`; NULL when there are none.
    `order_by` must not repeat within the group. -#}
{% macro ordered_list(value, order_by, where="true") -%}
    {{ return(adapter.dispatch('ordered_list', 'magento_icommkt')(value, order_by, where)) }}
{%- endmacro %}

{#- Sorted after it is gathered: DuckDB's `list(... order by ...)` takes twice the time and half as much memory again. -#}
{% macro default__ordered_list(value, order_by, where) -%}
    list_transform(
        list_sort(
            list({'position': {{ order_by }}, 'value': {{ value }}}) filter (where {{ where }})
        ),
        lambda pair: pair.value
    )
{%- endmacro %}

{% macro spark__ordered_list(value, order_by, where) -%}
    transform(
        array_sort(
            nullif(
                collect_list(struct({{ order_by }} as position, {{ value }} as value)) filter (where {{ where }}),
                array()
            )
        ),
        pair -> pair.value
    )
{%- endmacro %}


{#- The parts of a text between separators; NULL for NULL. `separator` is one plain character. -#}
{% macro split_list(text, separator=",") -%}
    {{ return(adapter.dispatch('split_list', 'magento_icommkt')(text, separator)) }}
{%- endmacro %}

{% macro default__split_list(text, separator) -%}
    string_split({{ text }}, {{ magento_icommkt.quoted(separator) }})
{%- endmacro %}

{% macro spark__split_list(text, separator) -%}
    split({{ text }}, '[{{ separator }}]')
{%- endmacro %}


{#- The texts of a JSON list such as ["A","B"]; NULL for NULL. -#}
{% macro json_text_list(json) -%}
    {{ return(adapter.dispatch('json_text_list', 'magento_icommkt')(json)) }}
{%- endmacro %}

{% macro default__json_text_list(json) -%}
    from_json({{ json }}, '["VARCHAR"]')
{%- endmacro %}

{% macro spark__json_text_list(json) -%}
    from_json({{ json }}, 'array<string>')
{%- endmacro %}


{#- A list's texts on one line and trimmed, without the empty ones and without repetitions, each at the place of its
    first occurrence. -#}
{% macro clean_list(texts) -%}
    {{ return(adapter.dispatch('clean_list', 'magento_icommkt')(texts)) }}
{%- endmacro %}

{% macro default__clean_list(texts) -%}
    {%- set trimmed -%}
    list_filter(
        list_transform({{ texts }}, lambda item: {{ magento_icommkt.clean_text('item') }}),
        lambda item: item is not null
    )
    {%- endset -%}
    list_filter(
        {{ trimmed }},
        lambda item, position: list_position({{ trimmed }}, item) = position
    )
{%- endmacro %}

{% macro spark__clean_list(texts) -%}
    array_distinct(
        filter(
            transform({{ texts }}, item -> {{ magento_icommkt.clean_text('item') }}),
            item -> item is not null
        )
    )
{%- endmacro %}


{#- Whether a list has no item, or is NULL. -#}
{% macro list_is_empty(list) -%}
    {{ return(adapter.dispatch('list_is_empty', 'magento_icommkt')(list)) }}
{%- endmacro %}

{% macro default__list_is_empty(list) -%}
    coalesce(len({{ list }}), 0) = 0
{%- endmacro %}

{% macro spark__list_is_empty(list) -%}
    coalesce(size({{ list }}), 0) <= 0
{%- endmacro %}


{#- The items of both lists, the first list's first; a NULL list counts as empty. -#}
{% macro concat_lists(first, second) -%}
    {{ return(adapter.dispatch('concat_lists', 'magento_icommkt')(first, second)) }}
{%- endmacro %}

{% macro default__concat_lists(first, second) -%}
    list_concat({{ first }}, {{ second }})
{%- endmacro %}

{% macro spark__concat_lists(first, second) -%}
    concat(
        coalesce({{ first }}, cast(array() as array<string>)),
        coalesce({{ second }}, cast(array() as array<string>))
    )
{%- endmacro %}


{#- The items of a list's lists, one after the other. -#}
{% macro flat_list(lists) -%}
    flatten({{ lists }})
{%- endmacro %}


{#-
    Two select columns that repeat the row once per item of a list: the item's position from 1, and the
    item. One such pair per select. A row whose list is empty or NULL goes.
-#}
{% macro explode_list(list, position, value) -%}
    {{ return(adapter.dispatch('explode_list', 'magento_icommkt')(list, position, value)) }}
{%- endmacro %}

{% macro default__explode_list(list, position, value) -%}
    generate_subscripts({{ list }}, 1) as {{ position }},
    unnest({{ list }}) as {{ value }}
{%- endmacro %}

{% macro spark__explode_list(list, position, value) -%}
    inline(transform({{ list }}, (item, place) -> struct(cast(place + 1 as bigint) as position, item as value)))
    as ({{ position }}, {{ value }})
{%- endmacro %}


{#- A list's texts joined, whole; NULL when there is none. -#}
{% macro list_to_text(list, separator) -%}
    {{ return(adapter.dispatch('list_to_text', 'magento_icommkt')(list, separator)) }}
{%- endmacro %}

{% macro default__list_to_text(list, separator) -%}
    nullif(array_to_string({{ list }}, {{ magento_icommkt.quoted(separator) }}), '')
{%- endmacro %}

{% macro spark__list_to_text(list, separator) -%}
    nullif(array_join({{ list }}, {{ magento_icommkt.quoted(separator) }}), '')
{%- endmacro %}


{#- The whole numbers from 0 to `last` as a list. -#}
{% macro numbers_up_to(last) -%}
    {{ return(adapter.dispatch('numbers_up_to', 'magento_icommkt')(last)) }}
{%- endmacro %}

{% macro default__numbers_up_to(last) -%}
    range(0, {{ last }} + 1)
{%- endmacro %}

{% macro spark__numbers_up_to(last) -%}
    sequence(cast(0 as bigint), cast({{ last }} as bigint))
{%- endmacro %}


{#- A list written out from its items, all texts. -#}
{% macro text_list(items) -%}
    {{ return(adapter.dispatch('text_list', 'magento_icommkt')(items)) }}
{%- endmacro %}

{% macro default__text_list(items) -%}
    [{{ items | join(', ') }}]
{%- endmacro %}

{% macro spark__text_list(items) -%}
    array({{ items | join(', ') }})
{%- endmacro %}
