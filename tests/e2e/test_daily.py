"""The chain as a scheduler sees it: quiet nights, missing settings, two commands at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import requests

from demo.environment import DEMO_KEY, PROJECT_ROOT
from demo.magento.generate import create
from demo.serving import serving
from loaders.warehouse import storage_version
from tests.e2e.conftest import FIRST_DAY, Night, Pipeline


def test_an_unchanged_store_moves_nothing_and_sends_nothing(all_nights: dict[str, Night]) -> None:
    first, again = all_nights["first"], all_nights["again"]
    assert again.changed_at == first.changed_at
    assert again.icommkt_requests == []
    assert again.held == first.held


def test_the_second_day_reads_only_what_moved(all_nights: dict[str, Night]) -> None:
    first, second = all_nights["first"], all_nights["second"]
    assert len(second.magento_requests) < len(first.magento_requests) / 2
    for table in ("orders", "customers"):
        assert second.changed_at[table][0] > first.changed_at[table][0]


def test_each_step_says_what_it_did(all_nights: dict[str, Night]) -> None:
    output = all_nights["first"].output
    for words in (
        "--- load",
        "loaded ",
        "--- build",
        "tests passed",
        "payment_methods_are_known: store_key main, payment_method",
        "built as of 2026-11-23",
        "--- push",
    ):
        assert words in output


def test_the_report_shows_numbers_and_nobody(all_nights: dict[str, Night], pipeline: Pipeline) -> None:
    page = pipeline.warehouse.with_name("report.html").read_text(encoding="utf-8")
    for words in ("As of 2026-11-24", "LOYAL_CHAMPIONS", "last 30 days", "succeeded"):
        assert words in page
    assert "@" not in page.split("</style>")[1]


def test_the_report_can_be_written_before_the_first_push(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    """A build makes the state file, for its history; nobody has pushed into it yet."""
    shutil.copyfile(pipeline.warehouse.with_name("published.duckdb"), tmp_path / "published.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.state.duckdb")) as connection:
        connection.execute("create schema history")
    written = pipeline.run("loaders.report", WAREHOUSE_PATH=str(tmp_path / "warehouse.duckdb"))
    assert written.returncode == 0, written.stdout
    assert "Nothing was pushed yet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_of_nothing_says_what_to_run(pipeline: Pipeline, tmp_path: Path) -> None:
    written = pipeline.run("loaders.report", WAREHOUSE_PATH=str(tmp_path / "warehouse.duckdb"))
    assert written.returncode == 1
    assert written.stdout.strip().endswith("nothing has been published yet; run make build first"), written.stdout


def test_any_duckdb_since_1_3_opens_the_files(all_nights: dict[str, Night], pipeline: Pipeline) -> None:
    """Analysts' tools are older than the project's DuckDB; publishing keeps the format that the marts' file has."""
    for path in (all_nights["second"].published, pipeline.warehouse):
        assert storage_version(path) == "v1.3.0+", path


def test_only_the_articles_role_is_needed(all_nights: dict[str, Night]) -> None:
    """The demo store's default user has that role; a 401 or 403 would show that more was asked for."""
    for night in all_nights.values():
        assert {request["status"] for request in night.magento_requests} <= {200}


@pytest.mark.parametrize("command", ["loaders.daily", "loaders.magento"])
def test_missing_settings_are_named(tmp_path: Path, command: str) -> None:
    arguments = ["load"] if command == "loaders.magento" else []
    done = subprocess.run(
        [sys.executable, "-m", command, *arguments],
        env={"PATH": "", "DLT_PROJECT_DIR": str(tmp_path), "DLT_DATA_DIR": str(tmp_path), "PASSWORD": "not ours"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert "SOURCES__MAGENTO__BASE_URL" in lines[0]
    assert "SOURCES__MAGENTO__PASSWORD" in lines[0]
    if command == "loaders.daily":
        assert "ICOMMKT__API_KEY" in lines[0]
        assert "make demo" in lines[0]


def test_a_second_writer_is_told_who_holds_the_warehouse(pipeline: Pipeline, tmp_path: Path) -> None:
    script = (
        "import sys, time; from loaders.paths import locked, warehouse\n"
        "with locked(warehouse(), 'daily'): print('held', flush=True); time.sleep(60)"
    )
    settings = {**pipeline.environment, "WAREHOUSE_PATH": str(tmp_path / "shop.duckdb")}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=settings, cwd=PROJECT_ROOT, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            done = pipeline.run("loaders.magento", "load", WAREHOUSE_PATH=settings["WAREHOUSE_PATH"])
        finally:
            holder.kill()
    assert done.returncode == 1
    assert f"in use by `daily` (process {holder.pid}" in done.stdout


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Pipeline]:
    """Demo servers of one's own, with a small store."""
    create(tmp_path / "magento.sqlite", customers=30, orders=80)
    with (
        serving("demo.magento", database=tmp_path / "magento.sqlite") as magento_url,
        serving("demo.icommkt", database=tmp_path / "icommkt.sqlite", options=["--api-key", DEMO_KEY]) as icommkt_url,
    ):
        yield Pipeline(tmp_path, magento_url, icommkt_url)


@pytest.mark.parametrize(
    ("arguments", "settings", "line"),
    [
        (["--vars", "{as_of_date"], {}, "error: VARS must look like"),
        ([], {"BUILD_MEMORY": "much"}, "error: BUILD_MEMORY is 'much'"),
    ],
)
def test_a_typing_mistake_does_not_wait_for_the_load(
    small: Pipeline, arguments: list[str], settings: dict[str, str], line: str
) -> None:
    done = small.run("loaders.daily", *arguments, **settings)
    assert done.returncode != 0
    assert done.stdout.startswith(line)
    assert len(done.stdout.splitlines()) == 1
    assert requests.get(f"{small.magento_url}/demo/requests", timeout=30).json()["requests"] == []


def test_a_night_that_lacks_what_is_sent_stops_before_the_build_in_one_line(small: Pipeline) -> None:
    done = small.run("loaders.daily", SOURCES__MAGENTO__USERNAME="ordersonly")
    assert done.returncode == 1
    assert "tick `Customers > Customer Groups`" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("error: customer_groups, categories, products, customers could not be read (see above)")
    assert "nothing was built or sent" in last
    assert "--- build" not in done.stdout
    assert requests.get(f"{small.icommkt_url}/demo/requests", timeout=30).json() == []
    assert small.changed_at()["orders"][0] >= 80, "the others load"


def test_a_night_that_lacks_what_is_not_sent_sends_and_says_so(small: Pipeline) -> None:
    fault = {"kind": "500", "match": {"path_regex": "/V1/creditmemos"}}
    requests.post(f"{small.magento_url}/demo/faults", json=fault, timeout=30).raise_for_status()
    quick = {"RUNTIME__REQUEST_MAX_ATTEMPTS": "1", "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01"}
    done = small.run("loaders.daily", "--vars", f"{{as_of_date: {FIRST_DAY}}}", **quick)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("error: creditmemos could not be read")
    assert requests.get(f"{small.icommkt_url}/demo/contacts", timeout=60).json()


def make(pipeline: Pipeline, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make, with this Python in place of the one that it would install for."""
    return subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv/.installed", f"RUN={sys.executable}", *arguments],
        env={**pipeline.environment, **environment},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("day", ["2062-11-24", "1926-11-24"])
def test_a_mistyped_day_does_nothing_and_the_next_night_is_as_any(small: Pipeline, day: str) -> None:
    for command in ("daily", "load", "build", "push"):
        done = make(small, command, f"VARS={{as_of_date: {day}}}", "FORCE=1")
        said = [line for line in done.stdout.splitlines() if not line.startswith("make")]
        assert len(said) == 1, said
        assert said[0].startswith(f"error: the as-of date is {day}; it must be from 1990-01-01 to tomorrow")
        assert done.returncode != 0
    assert not small.warehouse.exists()
    assert requests.get(f"{small.magento_url}/demo/requests", timeout=30).json()["requests"] == []
    if day > "2026":
        right = make(small, "daily", f"VARS={{as_of_date: {FIRST_DAY}}}")
        assert right.returncode == 0, right.stdout
        with duckdb.connect(str(small.warehouse.with_name("published.duckdb")), read_only=True) as db:
            (contacts,) = db.execute("select count(*) from marts.icommkt_payloads").fetchall()[0]
        held = requests.get(f"{small.icommkt_url}/demo/contacts", timeout=60).json()
        assert len(held) == contacts > 0


ODD_PASSWORD = """pass "with' #all $HOME ${PATH} `id` %s \\ ñé = kinds"""


def test_make_reads_the_env_file_as_it_is_written(tmp_path: Path) -> None:
    """With the line ends of Windows, and characters that shells and make would take for their own."""
    create(tmp_path / "magento.sqlite", customers=5, orders=5)
    options = ["--password", ODD_PASSWORD]
    with serving("demo.magento", database=tmp_path / "magento.sqlite", options=options) as url:
        pipeline = Pipeline(tmp_path, url, "http://127.0.0.1:9")
        names = ("SOURCES__MAGENTO__BASE_URL", "SOURCES__MAGENTO__USERNAME")
        lines = [
            "# the night's settings",
            f"SOURCES__MAGENTO__PASSWORD={ODD_PASSWORD}",
            *(f'{name}="{pipeline.environment[name]}"' for name in names),
            "SOURCES__MAGENTO__STORE_KEY=from the file",
            "",
        ]
        (tmp_path / ".env").write_bytes("\r\n".join(lines).encode())
        kept = {name: value for name, value in pipeline.environment.items() if not name.startswith("SOURCES__")}
        for settings, store_key in (({}, "from the file"), ({"SOURCES__MAGENTO__STORE_KEY": "ours"}, "ours")):
            done = subprocess.run(
                ["make", "-o", ".venv/.installed", f"RUN={sys.executable}", "load"],
                env={**kept, **settings},
                cwd=PROJECT_ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            with duckdb.connect(str(pipeline.warehouse), read_only=True) as db:
                assert db.execute("select 1 from raw.store_views where store_key = ?", [store_key]).fetchall()


@pytest.mark.parametrize(
    "line", ["PASSWORD secret", "A = secret", "A=1\nA=secret", "=secret", "A=\ufffdsecret", "A=\0secret"]
)
def test_a_line_of_the_env_file_that_cannot_be_read_is_named(small: Pipeline, line: str) -> None:
    (small.folder / ".env").write_bytes(f"\n{line}\n".encode().replace("\ufffd".encode(), b"\xff"))
    done = small.run("loaders.daily")
    assert done.returncode == 2
    (said,) = done.stdout.splitlines()
    assert f".env, line {2 + line.count(chr(10))}: " in said
    assert "secret" not in said


def test_a_build_takes_no_option_of_dbt_from_the_environment(
    all_nights: dict[str, Night], pipeline: Pipeline, tmp_path: Path
) -> None:
    """Any of these would have an untested build, or one of nobody, published as tested."""
    for name in ("warehouse.duckdb", "warehouse.marts.duckdb", "warehouse.state.duckdb"):
        shutil.copyfile(pipeline.warehouse.with_name(name), tmp_path / name)
    built = pipeline.run(
        "loaders.build",
        "--vars",
        f"{{as_of_date: {all_nights['second'].as_of_date}}}",
        "--exclude-resource-type",
        "unit_test",
        WAREHOUSE_PATH=str(tmp_path / "warehouse.duckdb"),
        DBT_EMPTY="1",
        DBT_TARGET="elsewhere",
        DBT_INDIRECT_SELECTION="empty",
        DBT_EXCLUDE="icommkt_contacts",
        DBT_STORE_FAILURES="1",
    )
    assert built.returncode == 0, built.stdout
    assert "not every data test was run" not in built.stdout
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True) as db:
        assert db.execute("select is_tested from meta.build").fetchall() == [(True,)]
        (contacts,) = db.execute("select count(*) from marts.icommkt_contacts").fetchall()[0]
    with duckdb.connect(str(all_nights["second"].published), read_only=True) as db:
        assert db.execute("select count(*) from marts.icommkt_contacts").fetchall() == [(contacts,)]


@pytest.mark.parametrize("path", ["it's/shop.duckdb", "shop {{ 1 }} & more.duckdb"])
def test_a_path_works_or_is_refused_before_anything_is_made(small: Pipeline, path: str) -> None:
    folder = small.folder / "data"
    arguments = ("--vars", f"{{as_of_date: {FIRST_DAY}}}")
    done = small.run("loaders.daily", *arguments, WAREHOUSE_PATH=str(folder / path))
    if "'" in path:
        assert done.returncode == 2
        assert done.stdout.startswith("error: WAREHOUSE_PATH is ")
        assert len(done.stdout.splitlines()) == 1
        assert not folder.exists()
    else:
        assert done.returncode == 0, done.stdout
        assert requests.get(f"{small.icommkt_url}/demo/contacts", timeout=60).json()
