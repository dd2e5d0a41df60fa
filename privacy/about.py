"""What an attack says of itself: its title, the question it answers, and the leaks that are planted to test it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from privacy.plants import Plant


class Question(StrEnum):
    """What a reviewer asks of a synthetic table, in the order in which the report answers."""

    COPIES = "copies"
    MEMBERSHIP = "membership"
    INFERENCE = "inference"
    LINKABILITY = "linkability"
    SINGLING_OUT = "singling_out"
    WORST_OFF = "worst_off"
    TRUST = "trust"
    """Whether the test can be relied on, on this very table."""
    COVERAGE = "coverage"
    """What no attack of this audit says anything about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Stands in the module of an attack as `ABOUT`."""

    title: str
    """What a person calls the attack."""
    question: Question
    """The question that its findings answer."""
    statistics: Mapping[str, str] = field(default_factory=dict)
    """What a person calls its statistics, or parts of their names. Attacks that share a name share the words."""
    other_questions: Mapping[str, Question] = field(default_factory=dict)
    """Statistics that answer another question."""
    plants: tuple[Plant, ...] | None
    """The planted leaks on which it is run: of the size of its limits, of the next size up (chance alone hides one
    plant in forty that is no larger than its limit), and further ones where they cost little. None where it is run on
    no plant: it checks the tables, or brings plants of its own."""
    sees_records: bool = True
    """Whether it compares whole records, and so looks at every encoded column. If not, see `privacy.coverage`."""
