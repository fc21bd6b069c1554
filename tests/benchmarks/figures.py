"""A figure that was measured, what it is set against, its target, and the table of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class Failed(Exception):
    """A part of the suite cannot be measured: one line that says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at most ``bound``, or with ``least`` at least that."""

    bound: float
    least: bool = False

    def is_met_by(self, value: float) -> bool:
        """Say whether *value* is on the right side of the bound."""
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value in ``unit``.

    Where it is set ``against`` another value in the same unit, it is their ratio that the target is
    for; otherwise the value itself. Nothing can be said where that other value is too small to be
    measured.
    """

    what: str
    value: float
    unit: str
    target: Target | None = None
    against: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value over what it is set against."""
        return self.value / self.against if self.against else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing can be said."""
        judged = self.value if self.against is None else self.ratio
        return None if self.target is None or judged is None else self.target.is_met_by(judged)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as the JSON file has it."""
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "against": self.against,
            "ratio": self.ratio,
            "target": self.target and str(self.target),
            "met": self.is_met,
        }


@dataclass(slots=True)
class Outcome:
    """What a part of the suite has found: its figures, what was left out and why, and all it measured."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as the JSON file has it."""
        figures = [figure.as_json() for figure in self.figures]
        return {"figures": figures, "notes": self.notes, "measured": self.measured}


_HEAD = ("", "measured", "unit", "against", "ratio", "target", "met")


def table(figures: Sequence[Figure]) -> str:
    """Return *figures* as a table for people."""
    rows = [_HEAD, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if name in ("", "unit") else cell.rjust(width)
            for name, cell, width in zip(_HEAD, row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _row(figure: Figure) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: "?" if figure.target else ""}[figure.is_met]
    return (
        figure.what,
        _number(figure.value),
        figure.unit,
        "" if figure.against is None else _number(figure.against),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        str(figure.target or ""),
        met,
    )


def _number(value: float) -> str:
    """Return *value* with three digits or all that stand before the point."""
    for bound, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= bound:
            return f"{value:,.{digits}f}"
    return f"{value:.3g}"
