"""What a stage works with: its task, a folder of its own, and the only ways in and out of it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from app.blobs import Blobs
from app.config import Settings
from app.data_keys import dataset_key, outcome_key, tenant_key
from app.pipeline import ASSIGNMENT, GIVEN_OUT
from app.states import JobKind
from app.task import Note, Output, Progress, Task, Word, say
from app.wire_jobs import KeptOptions
from synth.table.schema import TableSchema


@dataclass(frozen=True, kw_only=True, slots=True)
class StageContext:
    """What one attempt at one stage works with."""

    task: Task
    settings: Settings
    blobs: Blobs
    folder: Path
    """Empty at the start; deleted at the end."""
    out: TextIO = sys.stdout

    @property
    def options(self) -> KeptOptions:
        """What the job was asked to do."""
        return KeptOptions.model_validate(self.task.options)

    @property
    def schema(self) -> TableSchema:
        """The schema of the data set, with the roles and the rules that the job names."""
        options = self.options
        schema = TableSchema.from_json(self.task.schema)
        schema = schema.with_roles(target=options.target, person=options.person, order=options.order)
        return schema.with_rules(
            *options.rules,
            find=options.find_rules,
            without=options.without_rules,
            leave_out=options.broken_rules == "leave_out",
        )

    def fetch(self, name: str) -> Path:
        """The artifact of this name as a local file.

        Raises KeyError where no stage before has published it, and ArtifactChangedError where it is not what was
        published: a verdict must be about the very files that it names.
        """
        target = self.folder / "in" / name
        if target.exists():
            return target
        wanted = self.task.inputs[name]
        return self.blobs.fetch(wanted["key"], target, wanted["sha256"])

    def fetch_json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """The artifact of this name, read as JSON."""
        return json.loads(self.fetch(name).read_text(encoding="utf-8"))

    def publish(self, name: str, path: Path) -> str:
        """The key under which the file `path` is now this attempt's artifact `name`.

        The key holds the file's hash, so that what lies under a key never changes: a worker that dies between a file
        and the word of it still knows the file before.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"{self.task.prefix}/{name}-{digest[:16]}{path.suffix}"
        stored = self.blobs.put(key, path, data_key=self._data_key(name))
        self._say(Output(name=name, key=stored.key, bytes=stored.bytes, sha256=stored.sha256))
        return stored.key

    def _data_key(self, name: str) -> str:
        """The data key of an artifact: that of the real records, unless it outlives them."""
        if name in GIVEN_OUT or self.task.kind is JobKind.USE:  # a use may be made of several data sets
            return outcome_key(self.task.tenant_id, self.task.job_id)
        if name == ASSIGNMENT:
            return tenant_key(self.task.tenant_id)
        return dataset_key(self.task.tenant_id, self.task.dataset_id)

    def publish_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Store a JSON document as this attempt's artifact `name`."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
        self.publish(name, path)

    def progress(self, fraction: float, message: str, figures: Mapping[str, float] | None = None) -> None:
        """Tell whoever waits how far the stage is, 0 to 1."""
        self._say(Progress(fraction=fraction, message=message, figures=dict(figures or {})))

    def note(self, text: str) -> None:
        """Tell whoever sees the job what is to be known of it. Nothing of the data may be in it."""
        self._say(Note(text=text))

    def teller(self, message: str) -> Callable[[str, float], None]:
        """A callback for libraries that report `(what, fraction)`."""
        return lambda what, fraction: self.progress(fraction, f"{message}: {what}")

    def _say(self, word: Word) -> None:
        self.out.write(say(word) + "\n")
        self.out.flush()
