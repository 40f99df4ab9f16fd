"""What a person mistypes, what a file has become, what a terminal cannot show: one line, nothing made, no secret."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from benchmarks.in_process import in_process
from demo.environment import PROJECT_ROOT
from loaders import build, daily
from loaders.icommkt import __main__ as icommkt
from loaders.icommkt import settings as icommkt_settings
from loaders.icommkt.settings import IcommktSettings
from loaders.magento import __main__ as magento
from loaders.magento.settings import MagentoSettings, magento_settings
from loaders.report import __main__ as report

KEY = "a-key-of-the-tests-7731"
GOOD = {
    "SOURCES__MAGENTO__BASE_URL": "http://127.0.0.1:9",
    "SOURCES__MAGENTO__USERNAME": "icomm",
    "SOURCES__MAGENTO__PASSWORD": "the-password-of-the-tests",
    "ICOMMKT__API_URL": "http://127.0.0.1:9",
    "ICOMMKT__API_KEY": KEY,
    "ICOMMKT__PROFILE_KEY": "the-profile-of-the-tests",
    "ICOMMKT__AUDIENCE": "all",
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "1",
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.01",
}


class Said(NamedTuple):
    code: int
    out: str
    err: str

    def in_one_line(self) -> str:
        """The one line there is; fails when there are more, or one that no person should see."""
        (line,) = self.err.splitlines()
        assert line.startswith("error: "), line
        assert self.code != 0
        assert "Traceback" not in self.out
        return line


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in this process, its files and settings in an empty folder."""
    here = {"DLT_PROJECT_DIR": str(tmp_path), "WAREHOUSE_PATH": str(tmp_path / "data" / "shop.duckdb")}

    def run(main: Callable[[], int], *arguments: str, **settings: str) -> Said:
        done = in_process(main, *arguments, environment={**os.environ, **here, **GOOD, **settings})
        return Said(done.returncode, done.stdout, done.stderr)

    return run


def numbers() -> list[tuple[str, str]]:
    """Each number of both kinds of settings with what is out of its range, and two with what is no number."""
    found = []
    for kind, section in ((MagentoSettings, "SOURCES__MAGENTO__"), (IcommktSettings, "ICOMMKT__")):
        for one in dataclasses.fields(kind):
            if type(one.default) in (int, float):
                found += [(f"{section}{one.name.upper()}", value) for value in ("-1", "1000000000")]
    odd = ("SOURCES__MAGENTO__PAGE_SIZE", "ICOMMKT__BACKOFF")
    return found + [(name, value) for name in odd for value in ("many", "nan", "inf")]


@pytest.mark.parametrize(("name", "value"), numbers())
def test_each_number_has_its_range(run: Run, tmp_path: Path, name: str, value: str) -> None:
    assert f"error: {name} must be " in run(daily.main, **{name: value}).in_one_line()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOURCES__MAGENTO__CHUNK_IDS", "0"),
        ("SOURCES__MAGENTO__REREAD_DAYS", "1000000"),
        ("SOURCES__MAGENTO__STORE_IDS", "0"),
        ("SOURCES__MAGENTO__START_DATE", "20230131"),
        ("SOURCES__MAGENTO__START_DATE", "2023-W05-2"),
        ("SOURCES__MAGENTO__BASE_URL", "https://[::1"),
        ("SOURCES__MAGENTO__BASE_URL", "https://a..b"),
        ("SOURCES__MAGENTO__BASE_URL", "https://shop.example:port"),
        ("ICOMMKT__API_URL", "https://[::1"),
        ("ICOMMKT__API_URL", "https://a..b"),
        ("ICOMMKT__API_URL", "https://api example"),
        ("ICOMMKT__AUTH_FORM", "digest"),
        ("ICOMMKT__AUDIENCE", "some"),
        ("ICOMMKT__ON_MISSING", "erase"),
        ("ICOMMKT__MAX_DROP_SHARE", "1.5"),
        ("ICOMMKT__PERMANENT_PATTERN", "("),
        ("BUILD_MEMORY", "much"),
        ("REPORT_LANGUAGE", "fr"),
        ("RUNTIME__LOG_LEVEL", "FOO"),
        ("RUNTIME__REQUEST_TIMEOUT", "nan"),
        ("RUNTIME__REQUEST_MAX_ATTEMPTS", "0"),
        ("WAREHOUSE_PATH", "it's/shop.duckdb"),
        ("WAREHOUSE_PATH", "shop\n.duckdb"),
        ("WAREHOUSE_PATH", "c#/shop.duckdb"),
        ("WAREHOUSE_PATH", "shop%d.duckdb"),
        ("WAREHOUSE_PATH", "/"),
    ],
)
def test_a_mistyped_setting_is_named(run: Run, tmp_path: Path, name: str, value: str) -> None:
    line = run(daily.main, **{name: value}).in_one_line()
    assert line.removeprefix("error: ").startswith(name)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["ICOMMKT__API_KEY", "ICOMMKT__PROFILE_KEY", "SOURCES__MAGENTO__ACCESS_TOKEN"])
@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "ключ", "\x1b[31m"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(run: Run, name: str, break_: str) -> None:
    said = run(daily.main, **{name: f"first-half-of-it{break_}second-half-of-it"})
    assert name in said.in_one_line()
    assert "half-of-it" not in said.out + said.err


def test_white_space_around_a_key_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **GOOD,
        "ICOMMKT__API_KEY": f" {KEY}\r\n",
        "SOURCES__MAGENTO__PASSWORD": " pass 9911 \n",
    }.items():
        monkeypatch.setenv(name, value)
    assert icommkt_settings.read().api_key == KEY
    assert magento_settings().password == " pass 9911 ", "a password may have spaces"


@pytest.mark.parametrize("given", ["20261124", "2026-11-24 10:00", "2026-W48-2", "2026-11-31", "24/11/2026", "1"])
@pytest.mark.parametrize("name", ["as_of_date", "start_date"])
def test_dates_have_one_form(run: Run, name: str, given: str) -> None:
    for main, *arguments in ((daily.main,), (magento.main, "load"), (icommkt.main, "push")):
        line = run(main, *arguments, VARS=f"{{{name}: {given}}}").in_one_line()
        assert name in line or "days that exist" in line
    for option, main, *arguments in (
        ("such as 2024-05-31", magento.main, "backfill", "--from", given),
        ("--sample", icommkt.main, "verify", "--sample", f"{given}x"),
    ):
        assert option in run(main, *arguments).in_one_line()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'\xef\xbb\xbf[icommkt]\napi_key = "x"', "line 1: begins with a byte order mark"),
        (b'[icommkt]\napi_key = "C:\\msecret"', "line 2: Unescaped '\\' in a string"),
        (b'[icommkt]\napi_key = "msecret"\napi_key = "msecret"', "line 3: Cannot overwrite a value"),
        (b'[icommkt]\napi_key = "a"\n[icommkt]\n', "line 3: Cannot declare"),
        (b'[icommkt]\napi_key = "msecret', "line 2: "),
        (b'[icommkt]\napi_key = "msecret\xff"', "line 2: not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["secrets.toml", "config.toml"])
def test_a_slip_in_toml_is_told_with_file_and_line(run: Run, tmp_path: Path, name: str, text: bytes, said: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / name).write_bytes(text)
    line = run(daily.main).in_one_line()
    assert f"{name}, {said}" in line
    assert "msecret" not in line.replace("\\\\msecret", "")


def test_a_folder_called_like_a_seed_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seeds" / "mine.csv").mkdir(parents=True)
    (tmp_path / "seeds" / "_seeds.yml").write_text("seeds: []")
    monkeypatch.setattr("loaders.seeds.check_seeds.__defaults__", (tmp_path,))
    assert run(daily.main).in_one_line() == "error: seeds/mine.csv cannot be read: Is a directory"


@pytest.mark.parametrize("cut", ["head", "empty", "other", "torn"])
@pytest.mark.parametrize(
    ("file", "main", "arguments"),
    [
        ("shop.duckdb", magento.main, ["load"]),
        ("shop.published.duckdb", report.main, []),
        ("shop.published.duckdb", icommkt.main, ["push"]),
        ("shop.published.duckdb", icommkt.main, ["diff"]),
        ("shop.state.duckdb", icommkt.main, ["push"]),
        ("shop.state.duckdb", icommkt.main, ["push", "--dry-run"]),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(
    run: Run, tmp_path: Path, file: str, main: Callable[[], int], arguments: list[str], cut: str
) -> None:
    from benchmarks.push.published import write

    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "shop.published.duckdb", [])
    path = folder / file
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as db:
        db.execute("create table a as from range(10000)")
    whole = path.read_bytes()
    torn = whole[:20_000] + b"x" * (len(whole) - 20_000)
    path.write_bytes({"head": whole[:5000], "empty": b"", "other": b"x" * 9999, "torn": torn}[cut])
    before = path.read_bytes()
    said = run(main, *arguments)
    assert re.search(f"{path} (cannot be opened|is not a published file)", said.in_one_line())
    assert path.read_bytes() == before


@pytest.mark.parametrize("file", ["shop.state.duckdb", "shop.marts.duckdb"])
def test_a_build_names_a_damaged_file(run: Run, tmp_path: Path, file: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / file).write_bytes(b"")
    assert f"{file} cannot be opened" in run(build.main, "--vars", "{store_timezone: UTC}").in_one_line()


def raising(error: Exception) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


def test_what_nobody_foresaw_is_one_masked_line_and_a_masked_trace(run: Run, tmp_path: Path) -> None:
    said = run(raising(ValueError(f"ana@example.com\n\x1b[2J with {KEY} {'x' * 200_000}")))
    line = said.in_one_line()
    log = tmp_path / "data" / "shop.work" / "logs" / "errors.log"
    assert line.startswith("error: ValueError: a***@example.com with <key> ")
    assert str(log) in line
    text = log.read_text(encoding="utf-8")
    assert "in main" in text, "the trace"
    assert KEY not in text + line
    assert "ana@" not in text + line
    assert "\x1b" not in text + line
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_log_of_errors_does_not_grow_without_end(run: Run, tmp_path: Path) -> None:
    logs = tmp_path / "data" / "shop.work" / "logs"
    for count in range(5):
        run(raising(ValueError(str(count))))
        with (logs / "errors.log").open("a", encoding="utf-8") as file:
            file.write("x" * 1_000_001)
    assert len(list(logs.iterdir())) == 2


COMMAND = "from loaders.errors import run_command; run_command(lambda: print('Peña…' * 9999) or 0)"


def in_a_process(tmp_path: Path, stdout: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND],
        env={**os.environ, "DLT_PROJECT_DIR": str(tmp_path), "WAREHOUSE_PATH": str(tmp_path / "w"), **environment},
        cwd=PROJECT_ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = in_a_process(tmp_path, write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_terminal_that_knows_only_ascii_is_shown_what_it_can(tmp_path: Path) -> None:
    done = in_a_process(tmp_path, subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Pe")


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = in_a_process(tmp_path, full)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no room left to write")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["PASSWORD secret", "A = secret", "A=1\nA=secret", "=secret", "A=\udcffsecret", "A=\0secret"]
)
def test_a_line_of_the_env_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_bytes(f"\n{line}\n".encode(errors="surrogateescape"))
    said = run(daily.main).in_one_line()
    assert f".env, line {2 + line.count(chr(10))}: " in said
    assert "secret" not in said


def test_the_report_of_nothing_says_what_to_run(run: Run) -> None:
    line = run(report.main).in_one_line()
    assert line.endswith("nothing has been published yet; run make build first")
