"""The demo can be read from its foundations up."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

DEMO = Path(__file__).parents[3] / "demo"


def test_no_module_leads_back_to_itself() -> None:
    """Imports for types count too."""
    sources = {".".join(path.relative_to(DEMO.parent).with_suffix("").parts): path for path in DEMO.rglob("*.py")}
    imports: dict[str, set[str]] = {}
    for module, path in sources.items():
        found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = {f"{node.module}.{one.name}" for node in found for one in node.names} | {
            str(one.module) for one in found
        }
        imports[module] = named & set(sources) - {module}
    assert list(TopologicalSorter(imports).static_order())[-1:] != []
