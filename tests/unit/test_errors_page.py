"""docs/errors.md has each line that a command can end with, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from demo.environment import PROJECT_ROOT

FIRST_WORDS = 5
# Functions that find the words of an error, which is raised elsewhere.
TELLERS = {
    "errors.py": {"said", "_logged"},
    "magento/errors.py": {"__init__"},
    "magento/address.py": {"redirected", "unreachable", "_explained"},
    "magento/answers.py": {"strange", "php_error"},
    "magento/login.py": {"explain"},
    "magento/refusals.py": {"refused_token", "refused_integration", "refusal"},
    "icommkt/audience.py": {"question"},
    "icommkt/guards.py": {"of_build", "of_counts", "of_fields"},
}


def test_the_page_of_errors_has_each_line_and_no_other() -> None:
    page = (PROJECT_ROOT / "docs/errors.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    said = {pattern(text) for text in messages() if re.search("[a-z]", text)}
    assert not [one for one in said if not any(re.search(one, line) for line in lines)], "not on the page"
    assert not [line for line in lines if not any(re.search(one, line) for one in said)], "said no more"


def pattern(text: str) -> str:
    words = " ".join(text.replace("`", "").split()[:FIRST_WORDS]).rstrip(" ,;:…")
    return re.escape(words).replace("…", ".+?")


def messages() -> Iterator[str]:
    loaders = PROJECT_ROOT / "loaders"
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in loaders.rglob("*.py")}
    nodes = [(path, node) for path, tree in trees.items() for node in ast.walk(tree)]
    bases = {node.name: [ast.unparse(one) for one in node.bases] for _, node in nodes if isinstance(node, ast.ClassDef)}

    def is_error(name: str) -> bool:
        return name == "PipelineError" or any(map(is_error, bases.get(name, [])))

    for path, node in nodes:
        if isinstance(node, ast.Call) and node.args and is_error(ast.unparse(node.func)):
            yield from texts(node.args[0])
        if isinstance(node, ast.FunctionDef) and node.name in TELLERS.get(path.relative_to(loaders).as_posix(), ()):
            found = {text for one in node.body for text in texts(one) if len(text.split()) >= FIRST_WORDS}
            yield from found - {ast.get_docstring(node, clean=False)}


def texts(node: ast.AST) -> Iterator[str]:
    """The texts in a node, with … for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        parts = ["…" if isinstance(one, ast.FormattedValue) else str(ast.literal_eval(one)) for one in node.values]
        yield re.sub("…+", "…", "".join(parts))
    elif isinstance(node, ast.Constant) and len(str(node.value).split()) >= FIRST_WORDS:
        yield str(node.value)
    else:
        for one in ast.iter_child_nodes(node):
            yield from texts(one)
