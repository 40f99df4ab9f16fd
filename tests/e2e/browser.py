"""A page as a browser shows it, where Chromium is installed: what is drawn, and how wide."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
# The page allows no script, so it is looked at from a page around it.
FRAME = """<!doctype html><title>frame</title><pre id="found"></pre>
<iframe src="PAGE" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
<script>onload = () => {
  const page = document.querySelector("iframe").contentDocument, across = page.documentElement.clientWidth;
  const shown = (css) => [...page.querySelectorAll(css)].filter(
    (one) => one.checkVisibility() && !one.closest(".scroll, .vh, details:not([open])"));
  const box = (one) => one.getBoundingClientRect();
  document.getElementById("found").textContent = JSON.stringify({
    too_wide: shown("body *").filter((one) => box(one).right > across + 1).map((one) => one.outerHTML.slice(0, 80)),
    not_drawn: shown("svg, .columns, .heat, .bar").filter((one) => !box(one).width || !box(one).height).length,
    drawn: shown("svg, .columns, .heat, .bar").length,
  });
};</script>"""


def look(page: Path, width: int, folder: Path) -> dict[str, Any]:
    """What a browser of that width shows of a page; `said` is what it wrote on its console."""
    frame = folder / f"frame-{width}.html"
    frame.write_text(FRAME.replace("PAGE", page.as_uri()).replace("WIDTH", str(width)), encoding="utf-8")
    done = _chromium(folder, "--window-size=1600,1000", "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
    found = re.search('<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return {**json.loads(html.unescape(found[1])), "said": said}


def printed(page: Path, folder: Path) -> int:
    """How many sheets a page is when it is printed."""
    pdf = folder / "page.pdf"
    _chromium(folder, f"--print-to-pdf={pdf}", page.as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))


def _chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    options += ["--enable-logging=stderr", f"--user-data-dir={folder / 'browser'}"]
    return subprocess.run([CHROMIUM, *options, *arguments], capture_output=True, text=True, check=False, timeout=120)
