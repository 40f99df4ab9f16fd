"""Models, tests and rule macros keep to SQL that DuckDB and Spark both run.

What differs between the engines is a macro in macros/cross_database, dispatched by adapter. sqlfluff reads the models
in Spark's dialect; this test holds what a parser does not see: functions that one engine alone has, or that mean
something else in the other.
"""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
CROSS_DATABASE = PROJECT / "macros" / "cross_database"
PORTABLE = sorted(
    path
    for folder in ("models", "tests/singular", "macros/rules", "macros/generic_tests")
    for path in (PROJECT / folder).rglob("*.sql")
)


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


# The same name, arguments and result in both.
FUNCTIONS = words(
    """
    abs cast chr coalesce concat count date_trunc decimal extract greatest instr lag lead least length lower max
    max_by md5 min min_by nullif rank round row_number split_part substr sum translate try_cast
    """
)
WORDS_BEFORE_A_BRACKET = words(
    """
    and as by case distinct else exists from in not on or over then when where with
    """
)
JINJA = words(
    """
    append config dict env_var items join load_relation match raise_compiler_error ref replace return run_query
    selectattr source startswith title type_string update var
    """
)

# Constructs of one engine, and those that mean something else in the other.
ONE_ENGINE_ONLY = {
    r"\\\\": "the character itself: Spark reads a backslash in a text as an escape",
    r"::": "cast(… as …)",
    r"//": "integer_divide()",
    r"\bqualify\b": "a CTE with row_number()",
    r"\bdistinct\s+on\b": "a CTE with row_number()",
    r"\bexclude\s*\(": "the columns by name",
    r"->>?": "a macro",
    r"\blambda\b": "a macro",
    r"\bilike\b": "lower(…) like",
    r"\binterval\b": "days_between()",
    r"\bgroup\s+by\s+all\b": "the columns by name",
    r"\bavg\s*\(": "average_money(): avg() on money is a binary float",
    r"\bcurrent_(date|timestamp)\b": "int_build_settings: nothing else may look at the clock",
    r"\bfloat\b|\bdouble\b|\breal\b": "decimal",
}


def macro_names() -> frozenset[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "macros").rglob("*.sql"))
    return frozenset(re.findall(r"{%-?\s*macro\s+(\w+)", text))


def sql_of(text: str) -> str:
    """The file's SQL and what it passes to macros as text, without comments and Jinja's own statements."""
    text = re.sub(r"{#.*?#}", " ", text, flags=re.DOTALL)
    text = re.sub(r"{%.*?%}", " ", text, flags=re.DOTALL)
    text = re.sub(r"^\s*--.*$", " ", text, flags=re.MULTILINE)
    return re.sub(r"\w+\.(?=\w+\()", "", text)  # dbt.type_string( and magento_icommkt.clean_text(


def complaints(text: str, macros: frozenset[str]) -> list[str]:
    sql = sql_of(text)
    # Texts are data, but for those inside {{ … }}, which are SQL for a macro.
    plain = re.sub(r"'[^'{}]*'", "''", re.sub(r"{{.*?}}", " ", sql, flags=re.DOTALL))
    found = [
        f"{match.group(0)}: use {instead}"
        for pattern, instead in ONE_ENGINE_ONLY.items()
        if (match := re.search(pattern, sql if pattern == r"\\\\" else plain, flags=re.IGNORECASE))
    ]
    known = FUNCTIONS | WORDS_BEFORE_A_BRACKET | JINJA | macros
    called = {name.lower() for name in re.findall(r"(?<![\w.])([A-Za-z_]\w*)\s*\(", sql)}
    return found + [f"{name}(): not known to be the same in DuckDB and Spark" for name in sorted(called - known)]


def test_only_what_both_engines_run() -> None:
    macros = macro_names()
    for path in PORTABLE:
        text = path.read_text(encoding="utf-8")
        if path.stem == "int_build_settings":
            text = text.replace("current_utc_timestamp()", "null")
        assert (path.name, complaints(text, macros)) == (path.name, [])


@pytest.mark.parametrize(
    "sql",
    [
        "select a::int from t",
        "select * from t qualify row_number() over (order by a) = 1",
        "select string_agg(a, ',') from t",
        "select list(a order by b) from t",
        "select strftime(a, '%d') from t",
        "select {{ clean_text('epoch_ms(a)') }} from t",
        "select 7 // 2",
        "select avg(amount) from t",
        "select a->>'$.b' from t",
        "select * exclude (a) from t",
        "select current_date",
        "select {{ matches_pattern('a', \"'[\\\\x00]'\") }} from t",
    ],
)
def test_what_one_engine_alone_runs_is_found(sql: str) -> None:
    assert complaints(sql, macro_names())


def test_texts_and_comments_are_no_sql() -> None:
    assert complaints("-- a::b\nselect 'x::y // z' as a {# qualify #} from {{ ref('t') }}", macro_names()) == []


def test_every_dispatched_macro_has_its_spark_twin() -> None:
    macros = macro_names()
    for path in sorted(CROSS_DATABASE.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"adapter\.dispatch\('(\w+)', 'magento_icommkt'\)", text):
            default = re.search(rf"{{% macro default__{name}\(.*?{{%-? endmacro -?%}}", text, flags=re.DOTALL)
            assert default, f"{name} has no default"
            body = re.sub(r"{#.*?#}", "", default.group(0), flags=re.DOTALL)
            only_calls_macros = "magento_icommkt." in body and not complaints(body, macros)
            assert f"macro spark__{name}(" in text or only_calls_macros, f"{name} has no Spark form"
