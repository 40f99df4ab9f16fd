"""What a load did, for who reads its lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from loaders.magento.errors import MagentoError


@dataclass
class TableResult:
    """What a load did with one table."""

    read: int = 0
    changed: int = 0
    deleted: int = 0
    note: str = ""
    asked: set[int] = field(default_factory=set)
    """Rows that could not be sent last time and were asked for in this run."""
    refused: set[int] = field(default_factory=set)
    """Rows that could not be sent in this run."""

    def tell(self, text: str) -> None:
        """Add to the note."""
        self.note = f"{self.note}; {text}" if self.note else text


@dataclass
class LoadResult:
    """What a load did: per table, in how many requests, and what could not be read."""

    tables: dict[str, TableResult] = field(default_factory=dict)
    quarantined: int = 0
    """Values and rows that are in the quarantine now, of whichever run."""
    requests: int = 0
    problems: dict[str, MagentoError] = field(default_factory=dict)
    """Tables that could not be read, and why."""

    @property
    def errors(self) -> list[str]:
        """A line for each table that could not be read."""
        return [f"{name}: {error}" for name, error in self.problems.items()]

    @property
    def failed(self) -> list[str]:
        """Tables that could not be read."""
        return list(self.problems)

    @property
    def changed(self) -> int:
        """Rows that are new or changed, of all tables."""
        return sum(table.changed for table in self.tables.values())
