{#- What the macros of cross_database/ and rules/ give, as text: a case an input, and every engine must agree. -#}
{{- config(severity='warn', meta={'show_rows': true}) -}}
{%- set text = dbt.type_string() -%}
{%- set no_text = "cast(null as " ~ text ~ ")" -%}
{%- set money = "cast('%s' as decimal(20, 4))" -%}
{%- set date = "cast('%s' as date)" -%}
{%- set moment = "cast('%s' as timestamp)" -%}
{%- set madrid, sao_paulo, kolkata = "'Europe/Madrid'", "'America/Sao_Paulo'", "'Asia/Kolkata'" -%}
{%- set attributes = quoted(
    '[{"attribute_code":"dni","value":"1\\\\2"},{"attribute_code":"tags","value":["a","\u00f1"]}]'
) -%}
{%- set fields = [{
    "profile_field_key": "nombre", "type": "text", "max_length": none, "mart_column": quoted('O"B\\ \u00f1')
}] -%}
{%- set spaced = quoted("\u3000 \u00a0Ana\tMar\r\n\x85a\u00a0 ") -%}

{%- set cases = [
    ("big_integer", big_integer("'12345678901234567890'"), "12345678901234567890"),
    ("big_integer", big_integer(no_text), none),
    ("integer_divide", integer_divide("7", "2"), "3"),
    ("divide_half_up", divide_half_up("5", "2"), "3"),
    ("divide_half_up", divide_half_up("7", "3"), "2"),
    ("divide_half_up", divide_half_up("0", "3"), "0"),
    ("cents_each", cents_each(money | format("9999999999999999.9999"), "1"), "1000000000000000000"),
    ("cents_each", cents_each(money | format("0.0050"), "1"), "1"),
    ("cents_each", cents_each(money | format("0.0049"), "1"), "0"),
    ("average_money", average_money(money | format("10"), "3"), "3.33"),
    ("average_money", average_money(money | format("0.05"), "2"), "0.03"),
    ("average_money", average_money(money | format("10"), "0"), "0.00"),
    ("convert_money", convert_money(money | format("0.0001"), "0.5"), "0.0001"),
    ("convert_money", convert_money(money | format("-0.0001"), "0.5"), "-0.0001"),
    ("convert_money", convert_money(money | format("9999999999999.9999"), "1.00000001"), "10000000099999.9999"),
    ("convert_money", convert_money(money | format("9999999999999999.9999"), "1"), "9999999999999999.9999"),
    ("line_amount_left", line_amount_left(money | format("10"), quantity("1"), quantity("3")), "3.3333"),
    ("line_amount_left", line_amount_left(money | format("0.0003"), quantity("1"), quantity("2")), "0.0002"),
    ("line_amount_left", line_amount_left(money | format("-1"), quantity("2"), quantity("2")), "0.0000"),
    ("canceled_unpaid", canceled_unpaid(money | format("5"), money | format("10"), money | format("7")), "3.0000"),
    ("canceled_unpaid", canceled_unpaid(money | format("5"), money | format("10"), money | format("12")), "0.0000"),
    ("quantity", quantity("cast(null as decimal(20, 4))"), "0.0000"),
    ("quantity", quantity(money | format("9999999999999999.9999")), "99999999.9999"),
    ("place_of", place_of("1", "2", "3"), "9999999900000000000000000020000000003"),

    ("days_between", days_between(date | format("2024-02-28"), date | format("2024-03-01")), "2"),
    ("days_between", days_between(date | format("2025-03-01"), date | format("2025-02-28")), "-1"),
    ("days_between", days_between(date | format("2025-03-01"), "cast(null as date)"), none),
    ("month_of", month_of(date | format("2024-02-29")), "2024-02-01"),
    ("months_between", months_between(date | format("2023-12-01"), date | format("2024-03-01")), "3"),
    ("format_date", format_date(date | format("2024-02-29")), "29/02/2024"),
    ("format_date", format_date("cast(null as date)"), none),
    ("convert_timezone", convert_timezone(moment | format("2026-03-29 00:59:59"), madrid), "2026-03-29 01:59:59"),
    ("convert_timezone", convert_timezone(moment | format("2026-03-29 01:00:00"), madrid), "2026-03-29 03:00:00"),
    ("convert_timezone", convert_timezone(moment | format("2026-10-25 00:30:00"), madrid), "2026-10-25 02:30:00"),
    ("convert_timezone", convert_timezone(moment | format("2026-10-25 01:30:00"), madrid), "2026-10-25 02:30:00"),
    ("convert_timezone", convert_timezone(moment | format("2018-11-04 03:00:00"), sao_paulo), "2018-11-04 01:00:00"),
    ("convert_timezone", convert_timezone(moment | format("1901-01-01 12:00:00"), kolkata), "1901-01-01 17:21:10"),
    ("local_date", local_date(moment | format("2026-01-01 04:59:59"), "'America/Bogota'"), "2025-12-31"),
    ("current_utc_timestamp", current_utc_timestamp() ~ " > " ~ moment | format("2026-11-01 00:00:00"), "true"),
    ("parse_birth_date", parse_birth_date("'1953-09-18 00:00:00'"), "1953-09-18"),
    ("parse_birth_date", parse_birth_date("'2024-02-29'"), "2024-02-29"),
    ("parse_birth_date", parse_birth_date("'2023-02-29'"), none),
    ("parse_birth_date", parse_birth_date("'1899-12-31'"), none),
    ("parse_birth_date", parse_birth_date(quoted("\u0661\u0669\u0665\u0663-09-18")), none),

    ("quoted", "length(" ~ quoted("a\\b'\n\U0001F44D") ~ ")", "6"),
    ("lower_ascii", lower_ascii(quoted("\u00c1BC \u212a")), "\u00c1bc \u212a"),
    ("lower_ascii", lower_ascii("'ABC'"), "abc"),
    ("strip_whitespace", strip_whitespace(quoted("\u2028a b\u3000\n")), "a b"),
    ("strip_whitespace", strip_whitespace("''"), ""),
    ("clean_text", clean_text(spaced), "Ana Mar  a"),
    ("clean_text", clean_text(quoted("a\u0007\U0001F44D\U0001F3FD\\n")), "a\U0001F44D\U0001F3FD\\n"),
    ("clean_text", clean_text(quoted("\u00a0\t")), none),
    ("clean_text", clean_text(no_text), none),
    ("matches_pattern", matches_pattern("'ab1'", "'[0-9]$'"), "true"),
    ("replace_pattern", replace_pattern("'a1b22'", "'[0-9]+'", "'-'"), "a-b-"),
    ("normalise_email", normalise_email(quoted(" ANA@Example.com\u00a0")), "ana@example.com"),
    ("parse_birth_date", parse_birth_date(quoted("1953-09-18\n")), none),
    ("is_ascii", is_ascii(quoted("a\u0085")), "false"),
    ("is_ascii", is_ascii(quoted("a\n")), "true"),
    ("is_email", is_email(quoted("o'brien+x@a-b.example")), "true"),
    ("is_email", is_email("'ana@example'"), "false"),
    ("is_email", is_email("'ana..b@example.com'"), "false"),
    ("is_email", is_email(quoted("ana@example.com\n")), "false"),
    ("label_of", label_of("1", {1: "It's \\ 1"}), "It's \\ 1"),
    ("label_of", label_of("9", {1: "Male"}), none),
    ("raise_error", "case when length(" ~ spaced ~ ") > 0 then 'kept' else " ~ raise_error("'never'") ~ " end", "kept"),

    ("split_list", list_to_text(split_list("'a,b,,c|d'"), "; "), "a; b; ; c|d"),
    ("split_list", list_to_text(split_list("'a|b'", "|"), "; "), "a; b"),
    ("split_list", list_to_text(split_list(no_text), "; "), none),
    ("json_text_list", list_to_text(json_text_list(quoted('["A","\u00f1 \\\\"]')), ", "), "A, \u00f1 \\"),
    ("clean_list", list_to_text(clean_list(text_list(["' b '", "'a'", "'b'", "''", no_text])), ", "), "b, a"),
    ("list_is_empty", list_is_empty(split_list(no_text)), "true"),
    ("list_is_empty", list_is_empty(text_list(["'a'"])), "false"),
    ("concat_lists", list_to_text(concat_lists(split_list(no_text), text_list(["'b'", "'a'"])), ", "), "b, a"),
    ("flat_list", list_to_text(flat_list(text_list([text_list(["'b'"]), text_list(["'a'", "'b'"])])), ", "), "b, a, b"),
    ("numbers_up_to", numbers_up_to("2"), "[0, 1, 2]"),
    (
        "ordered_list",
        "(select " ~ list_to_text(ordered_list("word", "place", "word <> 'x'"), ", ")
        ~ " from (select 'b' as word, 2 as place union all select 'x', 3 union all select 'c', 1) as given)",
        "c, b"
    ),
    (
        "explode_list",
        "(select max(concat(cast(place as " ~ text ~ "), word)) from (select "
        ~ explode_list(text_list(["'b'", "'a'"]), "place", "word") ~ ") as exploded)",
        "2a"
    ),
    (
        "explode_json",
        "(select max(concat(one.a, one.b.c)) from (select "
        ~ explode_json(quoted('[{"a":1.5,"b":{"c":"\u00f1"},"d":0}]'), ["a", "b.c"], "one") ~ ") as exploded)",
        "1.5\u00f1"
    ),
    ("custom_attribute", custom_attribute(attributes, "dni"), "1\\2"),
    ("custom_attribute", custom_attribute(attributes, "tags"), '["a","\u00f1"]'),
    ("custom_attribute", custom_attribute(attributes, "none"), none),
    (
        "custom_attribute",
        "(select " ~ custom_attribute("a.json", "dni") ~ " from (select " ~ no_text ~ " as json) as a)",
        none
    ),
    ("key_value_json", key_value_json(fields), '[{"Key":"nombre","Value":"O\\"B\\\\ \u00f1"}]'),
    ("hash_of_fields", hash_of_fields(fields), "5f6a72c5eda63037a465cbdc724b420d"),
] -%}

with

given as (

    {%- for macro, sql, expected in cases %}
    select
        {{ loop.index }} as case_number,
        '{{ macro }}' as macro_name,
        cast({{ sql }} as {{ text }}) as found,
        {{ no_text if expected is none else quoted(expected) }} as expected
    {{- "\n    union all" if not loop.last }}
    {%- endfor %}

)

select * from given
where found is distinct from expected
