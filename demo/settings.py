"""What can be switched on a demo server while it runs: a dataclass of defaults, changed by what somebody sends."""

import dataclasses
from typing import Any, TypeVar

S = TypeVar("S")


def changed(settings: S, given: Any, choices: dict[str, tuple[str, ...]]) -> S:
    """Return a copy of a settings dataclass with the given values. Raises ValueError and then changes nothing."""
    known = {one.name: getattr(settings, one.name) for one in dataclasses.fields(settings)}  # type: ignore[arg-type]
    values = {}
    for name, value in dict(given).items():
        if name not in known:
            raise ValueError(f"no setting {name!r}: there are {', '.join(known)}")
        if value not in choices.get(name, (value,)):
            raise ValueError(f"{name} is one of {', '.join(choices[name])}, not {value!r}")
        wanted = {float: (int, float), tuple: (list, tuple)}.get(type(known[name]), type(known[name]))
        if not isinstance(value, wanted):
            raise ValueError(f"{name} is like {known[name]!r}, not {value!r}")
        values[name] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(settings, **values)  # type: ignore[type-var]
