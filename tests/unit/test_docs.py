"""`make docs` lets nothing pass without a description; the file itself: tests/e2e/test_an_analysts_edits.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loaders.docs import undocumented


def test_a_missing_description_is_found(tmp_path: Path) -> None:
    node = {"resource_type": "model", "name": "m", "description": "One row per m.", "config": {}, "columns": {}}
    node["columns"] = {"a": {"description": "An a."}, "b": {"description": " "}, "gone": {"description": "Not built."}}
    (tmp_path / "manifest.json").write_text(json.dumps({"nodes": {"model.p.m": node}, "sources": {}}))
    catalog: dict[str, Any] = {"nodes": {"model.p.m": {"columns": {"a": {}, "b": {}, "c": {}}}}, "sources": {}}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    assert undocumented(tmp_path) == ["m.b", "m.c", "m.gone"]
