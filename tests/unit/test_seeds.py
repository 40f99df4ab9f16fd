"""Seeds as people save them: each mistake is one line that names the file, the line and what to do."""

import shutil
from pathlib import Path

import pytest

from loaders.daily import daily
from loaders.errors import PipelineError, SettingsError
from loaders.paths import PROJECT_ROOT
from loaders.seeds import check_seeds


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT_ROOT / "seeds", tmp_path / "seeds")
    return tmp_path


def test_the_projects_own_are_good(project: Path) -> None:
    check_seeds(project)


METHODS = "payment_method,gateway,states,require_paid,note\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("payment_methods", METHODS.replace(",", ";"), r" is separated by semicolons; save it separated by commas$"),
        ("payment_methods", METHODS.replace(",", "\t"), r" is separated by tabs; "),
        (
            "payment_methods",
            METHODS.replace(",note", ""),
            r" has no column note; its first line must be payment_method,",
        ),
        ("payment_methods", "", r" has no column payment_method, gateway, "),
        (
            "payment_methods",
            METHODS + "x,X,,si,\n",
            r", line 2: require_paid is 'si'; it must be true or false, or empty$",
        ),
        ("rfm_thresholds", "measure,score,cutoff\nmonetary,2,abc\n", r", line 2: cutoff is 'abc'; it must be a number"),
        ("rfm_thresholds", "measure,score,cutoff\nmonetary,2.5,1\n", r", line 2: score is '2.5'; it must be a whole"),
        ("rfm_thresholds", "measure,score,cutoff\n\nmonetary,2,1.000,00\n", r", line 3: 4 values for 3 columns; "),
        (
            "exchange_rates",
            "from_currency,to_currency,valid_from,rate\nUSD,ARS,03/04/2026,1\n",
            r"line 2: valid_from is ",
        ),
        (
            "exchange_rates",
            "from_currency,to_currency,valid_from,rate\nUSD,ARS,2026-02-30,1\n",
            r"line 2: valid_from is ",
        ),
        (
            "excluded_emails",
            "match,value,reason\npattern,*@example.com,x\n",
            r"'\*@example\.com' is no regular expression",
        ),
    ],
)
def test_a_mistake_is_named(project: Path, name: str, content: str, said: str) -> None:
    (project / f"seeds/{name}.csv").write_text(content, encoding="utf-8")
    with pytest.raises(PipelineError, match=said) as raised:
        check_seeds(project)
    assert str(raised.value).startswith(f"seeds/{name}.csv")
    assert "\n" not in str(raised.value)


def test_what_excel_saves_without_utf_8_is_named(project: Path) -> None:
    (project / "seeds/payment_methods.csv").write_bytes((METHODS + "x,Método,,true,\n").encode("cp1252"))
    with pytest.raises(PipelineError, match=r"payment_methods\.csv, line 2: not UTF-8; save the file as “CSV UTF-8”"):
        check_seeds(project)


@pytest.mark.parametrize("row", ["x,X,processing|complete,true,\n", 'x,"X, and ""Y""",,FALSE,"two\nlines"\n', "\n"])
def test_what_dbt_reads_passes(project: Path, row: str) -> None:
    (project / "seeds/payment_methods.csv").write_text("\ufeff" + METHODS + row, encoding="utf-8")
    check_seeds(project)


def test_a_night_needs_the_keys_of_the_profiles_that_the_seed_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.daily.profile_settings", lambda: ["profile_key_ar", "profile_key_uy"])
    monkeypatch.setenv("ICOMMKT__API_KEY", "key")
    monkeypatch.setenv("ICOMMKT__PROFILE_KEY_AR", "key")
    with pytest.raises(SettingsError, match="ICOMMKT__PROFILE_KEY_UY") as raised:
        daily()
    assert "ICOMMKT__PROFILE_KEY_AR" not in str(raised.value)
    assert "ICOMMKT__PROFILE_KEY," not in str(raised.value)
