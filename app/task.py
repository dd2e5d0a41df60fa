"""What a worker hands to the child process of one stage, and what the child says back, line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.states import JobKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One attempt at one stage of one job: everything the child needs beside the settings."""

    job_id: str
    tenant_id: str
    dataset_id: str
    kind: JobKind
    stage: str
    attempt: int
    prefix: str
    """Outputs are published under this key and no other; it is unique to the attempt."""
    schema: list[dict[str, str]]
    options: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, str]]
    """`{key, sha256}` of every artifact published so far, by name."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the report says of the run: ids, names, versions, hashes."""
    shard: str = ""
    """The name of the shard that is to be drawn, where it is one."""
    shards: tuple[str, ...] = ()
    """The names of all shards of the table in order, where it has some."""

    def to_json(self) -> str:
        """The task as one line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(line: str) -> Task:
        """The task that `to_json` wrote."""
        fields = json.loads(line)
        return Task(**{**fields, "kind": JobKind(fields["kind"]), "shards": tuple(fields["shards"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the stage is."""

    fraction: float
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A file was published."""

    name: str
    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The stage failed; nothing of the data is in the detail."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What is to be known of what the stage gives; nothing of the data is in it."""

    text: str


Word = Progress | Output | Note | Failure
NOTE = "note"
"""The events of a job that tell its notes"""
_WORDS: Mapping[str, type[Progress] | type[Output] | type[Note] | type[Failure]] = {
    "progress": Progress,
    "output": Output,
    NOTE: Note,
    "failure": Failure,
}


def say(word: Word) -> str:
    """One line of JSON that `hear` reads."""
    name = next(name for name, kind in _WORDS.items() if isinstance(word, kind))
    return json.dumps({"word": name, **asdict(word)})


def hear(line: str) -> Word | None:
    """The word in a line of a child's output, or None where the line is something else."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    kind = _WORDS.get(fields.pop("word", "")) if isinstance(fields, dict) else None
    return None if kind is None else kind(**fields)
