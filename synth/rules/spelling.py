"""How a column writes the parts of dates as text: `01`, `Q1`, `January`, `Mon`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synth.calendar_names import CASES, MONTHS, names_of, weekdays_of
from synth.rules.part_names import NAMED, RANGES

WIDTHS = (1, 2, 3, 4)
PREFIXES = ("", "Q", "q", "W")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """One way to write a part: as digits, or as names in a language."""

    width: int = 1
    """Digits at least"""
    prefix: str = ""
    language: str = ""
    """Of names; digits are written where it is empty"""
    short: bool = False
    case: str = "plain"
    stop: bool = False
    """Whether names end with a full stop"""

    def text(self, number: int, part: str, plus: int) -> str:
        """A part, with `plus` added, as text."""
        if not self.language:
            return f"{self.prefix}{number:0{self.width}d}"
        names = names_of if part == "month" else weekdays_of
        name = names(self.language, self.case, short=self.short)[number - plus - RANGES[part][0]]
        return name + "." * self.stop


def spellings_of(part: str) -> Iterator[Spelling]:
    """The ways to write a part, the most usual first."""
    for prefix in PREFIXES:
        if not prefix or prefix.lower() == {"quarter": "q", "week": "w"}.get(part):
            yield from (Spelling(width=width, prefix=prefix) for width in WIDTHS)
    if part in NAMED:
        for language in MONTHS:
            for short in (False, True):
                for case in CASES:
                    yield from (Spelling(language=language, short=short, case=case, stop=s) for s in (False, short))


def spelling_of(texts: Sequence[str], numbers: Sequence[int], people: Sequence[int], part: str, plus: int) -> Spelling:
    """The way in which most people's texts are written; each text stands for a number and has so many people."""

    def held(spelling: Spelling) -> int:
        each = zip(texts, numbers, people, strict=True)
        return sum(count for text, number, count in each if spelling.text(number, part, plus) == text)

    return max(spellings_of(part), key=held)
