"""`make fields`: a slip in a window or a line of the seed is one line that names it, never a field sent wrong."""

import shutil
from pathlib import Path

import pytest

from loaders import fields
from loaders.errors import PipelineError
from loaders.paths import PROJECT_ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dbt_project.yml", fields.SEED, fields.YML):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / name, tmp_path / name)
    return tmp_path


def add(project: Path, line: str) -> None:
    with (project / fields.SEED).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def test_the_projects_own_yml_follows_its_seed_and_windows() -> None:
    fields.check_fields()


@pytest.mark.parametrize(
    "window",
    [
        *("30: [0, 30]", "2024-01-01: [0, 1]", "All_Days: [0, 30]", "total: [0, 30]", "_: [0, 1]", "x: 30", "x: [0]"),
        *("x: [30, 0]", "x: [0, 30.5]", "x: [-3, 3]", "x: ['0', '3']", "x: [true, 3]", '"30\'days": [0, 30]', "x:"),
    ],
)
def test_what_is_no_window_is_named(project: Path, window: str) -> None:
    path = project / "dbt_project.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    30_days: [0, 30]\n", f"    {window}\n"), encoding="utf-8")
    with pytest.raises(PipelineError, match="is no window; write 30_days"):
        fields.columns(project)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nombre_{window},first_name,text,,true,true,ours,x,x", "in one of the two"),
        ("ICOMMKT_RFM,rfm_{window},text,,true,true,ours,x,x", "in one of the two"),
        ("ICOMMKT_A,amount_30_days,count,,true,true,ours,x,x", "amount_30_days must have the type money"),
        ("x,x,txt,,true,true,ours,x,x", "the type of x is 'txt'"),
    ],
)
def test_a_line_that_cannot_be_meant_is_named(project: Path, line: str, said: str) -> None:
    add(project, line)
    with pytest.raises(PipelineError, match=said):
        fields.columns(project)


def test_a_line_that_names_a_window_takes_the_place_of_the_general_one(project: Path) -> None:
    before = fields.columns(project)
    add(project, "AMT30,amount_30_days,money,,false,true,ours,Only this month,1")
    after = fields.columns(project)
    assert [line["mart_column"] for line in after] == [line["mart_column"] for line in before]
    (line,) = [line for line in after if line["mart_column"] == "amount_30_days"]
    assert (line["profile_field_key"], line["enabled"]) == ("AMT30", "false")


def test_a_yml_without_its_mark_is_not_written_over(project: Path) -> None:
    path = project / fields.YML
    path.write_text(path.read_text(encoding="utf-8").replace("# --- written", "# written"), encoding="utf-8")
    with pytest.raises(PipelineError, match="has lost its line"):
        fields.yml_text(project)
