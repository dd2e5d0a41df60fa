"""What a model knows of people with several records, and what of them a record is drawn by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from synth.encode.base import flag_of, floats_of, list_of, text_of
from synth.encode.numeric import NumericEncoder
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.saved import plan_from_json
from synth.encode.table_encoder import TableEncoder
from synth.errors import ArtifactError, SynthError
from synth.sequences.forest import SequenceForest
from synth.sequences.lookup import Lookup, lookups_from_json
from synth.sequences.plan import Plan, plan_of
from synth.sequences.rises import parts_of
from synth.table.schema import ColumnKind, TableSchema


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """How the records of a person follow one another.

    The model around it draws people: what is constant for them, their first record, and how many records they have.
    """

    person: str
    count: str
    """The column of the table of people that says how many records each has"""
    constant: tuple[str, ...]
    ascending: tuple[str, ...]
    """Quantities that never fall; the first of them orders the records"""
    varying: tuple[str, ...]
    encoder: TableEncoder
    """Of records; whatever it emits is backed by enough people"""
    steps: tuple[NumericEncoder, ...]
    """How each ascending column goes on from one record to the next: its parts, see `synth.sequences.rises`"""
    forest: SequenceForest
    """Of each column that is drawn, see `drawn`"""
    lookups: tuple[Lookup, ...] = ()
    """Columns that others determine; none in older models"""
    hurried: bool = False
    """Whether there was no time to learn all of it"""
    seconds: float = 0.0
    """How long it took to learn"""

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each learnt column stands in encoded records."""
        return {column.name: i for i, column in enumerate(self.encoder.encoders)}

    @cached_property
    def plan(self) -> Plan:
        """What columns are drawn by."""
        determined = [each.column for each in self.lookups]
        return plan_of(self.encoder, self.constant, self.ascending, self.varying, self.steps, determined)

    @cached_property
    def residual_places(self) -> Mapping[int, int]:
        """Where the residual of an encoded column stands."""
        return {column: i for i, column in enumerate(self.encoder.residual_columns)}

    @cached_property
    def learnt(self) -> TableSchema:
        """The schema of what is learnt in place of the records' columns."""
        return self.encoder.rules.learnt(self.encoder.schema)

    def fits(self, people: TableSchema) -> bool:
        """Whether this is a schema of the table of people."""
        known = sorted([*self.learnt.names, self.count]) == sorted(people.names)
        return known and people[self.count].kind is ColumnKind.NUMERICAL

    def to_json(self) -> dict[str, Any]:
        """All but the trees as JSON values."""
        return {
            "person": self.person,
            "count": self.count,
            "constant": list(self.constant),
            "ascending": list(self.ascending),
            "varying": list(self.varying),
            "schema": self.encoder.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "steps": [each.to_json() for each in self.steps],
            "lookups": [each.to_json() for each in self.lookups],
            "hurried": self.hurried,
            "seconds": self.seconds,
        }

    @staticmethod
    def from_json(values: Mapping[str, Any], tensors: Mapping[str, Tensor], rules: object = None) -> Sequences:
        """What `to_json` wrote, the trees, and the rules that records keep. Raises ArtifactError on anything else."""
        try:
            schema = TableSchema.from_json(list_of(values, "schema"))
            plan = RulePlan() if rules is None else plan_from_json(rules, schema)
            encoder = TableEncoder.from_json(values.get("encoder"), schema, plan)
        except ArtifactError:
            raise
        except SynthError as error:
            raise ArtifactError(f"sequences: {error}") from error
        constant, ascending, varying = (_names(values, part) for part in ("constant", "ascending", "varying"))
        person = text_of(values, "person")
        if sorted([person, *constant, *ascending, *varying]) != sorted(plan.learnt(schema).names):
            raise ArtifactError("sequences: expected each column once, as the person's, constant, ascending or varying")
        learnt = {column.name: column for column in encoder.encoders}
        if any(name not in learnt or learnt[name].numbers is None for name in ascending):
            raise ArtifactError("sequences: expected quantities that ascend")
        steps = tuple(NumericEncoder.from_json(each) for each in list_of(values, "steps"))
        parts = [name for name in ascending for _ in parts_of(learnt[name])]
        if [each.name for each in steps] != parts or any(each.low < 0 or each.missing for each in steps):
            raise ArtifactError("sequences: expected steps of 0 or more for each ascending column")
        lookups = lookups_from_json(values.get("lookups", []), {n: learnt[n] for n in varying if n in learnt})
        determined = [each.column for each in lookups]
        drawn = plan_of(encoder, constant, ascending, varying, steps, determined).drawn
        seen, sizes = ([getattr(each, name) for each in drawn] for name in ("seen", "size"))
        return Sequences(
            person=person,
            count=text_of(values, "count"),
            constant=constant,
            ascending=ascending,
            varying=varying,
            encoder=encoder,
            steps=steps,
            forest=SequenceForest.from_tensors(tensors, seen, sizes),
            lookups=lookups,
            hurried=flag_of({"hurried": False, **values}, "hurried"),
            seconds=floats_of({"seconds": [values.get("seconds", 0.0)]}, "seconds")[0],
        )


def _names(values: Mapping[str, Any], part: str) -> tuple[str, ...]:
    names = values.get(part)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArtifactError(f"{part}: expected a list of columns")
    return tuple(names)
