"""Charts as HTML and SVG, without script.

Geometry is stretched (`preserveAspectRatio=none`), text is the page's own: nothing shrinks on a phone, and everything
follows the page's colours, prints, and can be read aloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

STEPS = 6


@dataclass(frozen=True)
class Column:
    """A column of a chart: `text` stands above it, `mark` is a tick across it, `tip` says all of it."""

    value: float
    name: str
    text: str
    tip: str
    mark: float | None = None
    is_partial: bool = False


def line(values: Sequence[float | None], label: str, *, from_zero: bool = False) -> Markup:
    """A line over equal steps with a dot on its end, empty with fewer than two values; None is a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = (0 if from_zero else min(known)), max(known)
    points = [
        f"{100 * step / (len(values) - 1):.1f} {94 - 88 * (value - low) / (high - low) if high != low else 50:.1f}"
        for step, value in enumerate(values)
        if value is not None
    ]
    return Markup(
        '<svg class="line" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path d="M{}"/><path class="dot" d="M{}h.01"/></svg>'
    ).format(label, "L".join(points), points[-1])


def bar(value: float, most: float) -> Markup:
    """A bar in a table's cell; the number beside it says the same, so it is hidden from readers of text."""
    width = 100 * max(value, 0) / most if most > 0 else 0
    return Markup('<span class="bar" aria-hidden="true"><i style="width:{}%"></i></span>').format(f"{width:.1f}")


def columns(items: Sequence[Column], label: str, css: str = "") -> Markup:
    """Columns from zero."""
    most = max((max(one.value, one.mark or 0) for one in items), default=0) or 1
    cells = Markup("").join(
        Markup(
            '<li{} title="{}"><div class="shaft"><i style="height:{}%"><b>{}</b></i>{}</div><span>{}</span></li>'
        ).format(
            Markup(' class="partial"') if one.is_partial else "",
            one.tip,
            f"{100 * max(one.value, 0) / most:.1f}",
            one.text,
            Markup('<u style="bottom:{}%"></u>').format(f"{100 * one.mark / most:.1f}") if one.mark else "",
            one.name,
        )
        for one in items
    )
    return Markup('<div role="img" aria-label="{}"><ol class="columns {}" aria-hidden="true">{}</ol></div>').format(
        label, css, cells
    )


def step(value: float, most: float) -> int:
    """Which of the steps of the one hue; by the root, as counts of segments are very uneven."""
    if value <= 0 or most <= 0:
        return 0
    return int(min(STEPS - 1, max(1, round((STEPS - 1) * (value / most) ** 0.5))))
