"""`make docs`: one file, and nothing in it without a description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loaders.docs import make_docs, undocumented


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_docs(tmp_path_factory.mktemp("docs") / "docs.html").read_text(encoding="utf-8")


def test_one_file_says_what_every_field_means(docs: str) -> None:
    assert "icommkt_contacts" in docs
    assert "days_since_last_purchase" in docs
    assert 'src="http' not in docs, "it must open without a network"


def test_a_missing_description_is_found(tmp_path: Path) -> None:
    node = {"resource_type": "model", "name": "m", "description": "One row per m.", "config": {}, "columns": {}}
    node["columns"] = {"a": {"description": "An a."}, "b": {"description": " "}, "gone": {"description": "Not built."}}
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": {"model.p.m": node}, "sources": {}}))
    catalog: dict[str, Any] = {"nodes": {"model.p.m": {"columns": {"a": {}, "b": {}, "c": {}}}}, "sources": {}}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    assert undocumented(tmp_path) == ["m.b", "m.c", "m.gone"]
