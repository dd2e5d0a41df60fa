"""Rules for the fields of a document: what of each is passed on. A field that no rule names is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.report.coarse import rounded, said


@dataclass(frozen=True, slots=True)
class About:
    """What rules need to know of the whole document."""

    people: int | None
    """How many people stand behind the real shares; None where that is not known, and shares are left out."""
    fewest: int | None = None
    """How many records the smallest table has that a distance was measured on; None where that is not known."""


class Gone:
    """What a rule gives for a field that is not passed on."""


GONE = Gone()
Rule = Callable[[Any, About], Any]


@dataclass(frozen=True, slots=True)
class Fields:
    """Rules for the fields of a part, and what is done with the part after that."""

    rules: Mapping[str, Rule]
    then: Rule | None = None

    def __call__(self, value: Any, about: About) -> Any:  # noqa: ANN401 - JSON values
        """The part with those of its fields that have a rule."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            return GONE
        kept = {name: rule(value[name], about) for name, rule in self.rules.items() if name in value}
        kept = {name: each for name, each in kept.items() if each is not GONE}
        return kept if self.then is None else self.then(kept, about)


@dataclass(frozen=True, slots=True)
class Each:
    """A rule for each entry of a list; entries that it leaves out are not there."""

    rule: Rule

    def __call__(self, value: Any, about: About) -> Any:  # noqa: ANN401 - JSON values
        """The entries that are left."""
        if not isinstance(value, Sequence) or isinstance(value, str):
            return GONE
        return [each for each in (self.rule(entry, about) for entry in value) if each is not GONE]


def same(value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """As it is: words and numbers that say nothing of the data."""
    return value


def left_out(_value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """Not passed on."""
    return GONE


def instead(other: Any) -> Rule:  # noqa: ANN401 - JSON values
    """Something else in its place."""
    return lambda _value, _about: other


def words(value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A sentence of ours, its numbers to two digits."""
    return said(value) if isinstance(value, str) else GONE


def two_digits(value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A figure to two digits."""
    return rounded(float(value)) if isinstance(value, (int, float)) else value
