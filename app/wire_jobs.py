"""The bodies of requests for jobs, and of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from app.states import Priority
from app.wire_conditions import Conditions, asked_of, said_of
from app.wire_fields import (
    Ask,
    Augmented,
    Body,
    BrokenRules,
    FindRules,
    Kinds,
    Missing,
    Mixes,
    ObjectiveOfJob,
    PriorityOfJob,
    Roles,
    Rows,
    Rules,
    Secrets,
    Seed,
    ShadowModels,
    Source,
    ToleranceOfJob,
    WithoutRules,
)
from synth.config import DEFAULT_OBJECTIVE
from synth.fidelity.asked.aggregate import DEFAULT_TOLERANCE
from synth.table.mix import Augment, Mix
from synth.table.ranges import Condition as Asked


class GeneratorOptions(Body):
    """How the generator is trained; what is left out follows from the table by rule."""

    max_minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    max_steps: int | None = Field(default=None, ge=1, le=1_000_000)
    objective: ObjectiveOfJob = DEFAULT_OBJECTIVE


class AuditOptions(Body):
    """What a reviewer may ask of the attacks beyond what they do by themselves. Nothing here leaves one of them out,
    but for the shadow models, and a policy that asks for those passes nothing without them.
    """

    secrets: Secrets = Field(default=[])
    source: Source = Field(default=[])
    shadow_models: ShadowModels = "policy"


class QuestionOptions(Body):
    """What the user wants to know of the synthetic table."""

    ask: Ask = Field(default=[])
    tolerance: ToleranceOfJob = DEFAULT_TOLERANCE


class MixOptions(Body):
    """What share of the synthetic records has which values, where that is not as in the real table."""

    mix: Mixes = Field(default=[])
    augment: Augmented | None = None

    def mixes(self) -> list[Mix]:
        """The mixes as the generator reads them. Raises SynthError where one cannot be read."""
        return [Mix.parse(text) for text in self.mix]

    def augmenting(self) -> Augment | None:
        """What is to have more records, as the generator reads it. Raises SynthError where it cannot be read."""
        return None if self.augment is None else Augment.parse(self.augment)

    def made_to_shares(self) -> bool:
        """Whether the table is made to shares that are not the real table's: to a mix, or with more of a category."""
        return bool(self.mix) or self.augment is not None


class OrderOptions(Body):
    """When the job is begun."""

    priority: PriorityOfJob = Priority.NORMAL


class RuleOptions(Body):
    """Which rules between columns the generator keeps."""

    rules: Rules = Field(default=[])
    find_rules: FindRules = True
    without_rules: WithoutRules = Field(default=[])
    broken_rules: BrokenRules = "mend"


class JobOptions(AuditOptions, QuestionOptions, OrderOptions, MixOptions, RuleOptions):
    """What one synthesize or sample job does."""

    rows: Rows | None = None
    generator: GeneratorOptions = GeneratorOptions()
    conditions: Conditions = Field(default={})
    policy: str = "internal"
    seed: Seed = 0
    target: str | None = Field(default=None, description="The column that models will predict; used by the report.")
    person: str | None = Field(
        default=None,
        description="The column that says whom a record is about: people are divided, not records. Never learnt. Where "
        "people have several records, so have the people that are made up.",
    )
    order: str | None = Field(
        default=None,
        description="The column of dates or numbers that orders the records of a person; found by itself where it is "
        "not named. It has a value in every record.",
    )

    kinds: Kinds = Field(default={})
    roles: Roles = Field(default={})
    missing: Missing = Field(default={})

    def given(self) -> dict[str, Asked]:
        """The conditions as the generator reads them."""
        return {name: asked_of(wanted) for name, wanted in self.conditions.items()}

    def roles_given(self) -> dict[str, str | None]:
        """The columns by the role that the job gives them; None where it gives one to none."""
        return {"target": self.target, "person": self.person, "order": self.order}

    def with_conditions(self, held: Mapping[str, Asked]) -> Self:
        """The same with the conditions as the data set's table has them; those that say the same stay as they came."""
        sent = self.given()
        changed = {name: said_of(wanted) for name, wanted in held.items() if wanted != sent[name]}
        return self.model_copy(update={"conditions": {**self.conditions, **changed}})


class JobRequest(JobOptions):
    """POST /v1/jobs"""

    dataset_id: str


class UseOptions(Body):
    """What is done with records, beside synthesizing; see docs/uses.md."""

    use: Literal["complete", "impute", "odd", "change", "adapt", "coreset"]
    release_id: str | None = Field(
        default=None, description="Of `change` and `coreset`: the records are those of this release, not a data set's."
    )
    like: str | None = Field(
        default=None, description="Of `adapt`: the id of the data set that the records are to be like."
    )
    times: int | None = Field(
        default=None, ge=1, le=100, description="Of `complete` and `impute`: how many completed tables."
    )


class KeptOptions(JobOptions):
    """What a job was asked to do."""

    use: UseOptions | None = Field(default=None, description="Of a job of the kind `use` alone.")


class UseRequest(UseOptions, OrderOptions, RuleOptions):
    """POST /v1/uses; rules and the target are of `impute`."""

    dataset_id: str | None = Field(default=None, description="Whose records these are.")
    model_id: str | None = Field(default=None, description="The model; that of a release is its own.")
    conditions: Conditions = Field(default={}, description="Of `change`: how all records are to be afterwards.")
    rows: int | None = Field(default=None, ge=1, description="Of `coreset`: how many records.")
    max_minutes: float | None = Field(
        default=None, gt=0, le=24 * 60, description="Of `impute` and `adapt`: how long a training may take."
    )
    seed: Seed = 0
    target: str | None = Field(default=None, description="Of `impute`: the column that the generator draws last.")

    def kept(self) -> KeptOptions:
        """The options as the job keeps them."""
        return KeptOptions(
            rows=self.rows,
            conditions=self.conditions,
            seed=self.seed,
            priority=self.priority,
            generator=GeneratorOptions(max_minutes=self.max_minutes),
            target=self.target,
            **self.model_dump(include=set(RuleOptions.model_fields)),
            use=UseOptions.model_validate(self.model_dump(include=set(UseOptions.model_fields))),
        )


class SampleRequest(AuditOptions, QuestionOptions, OrderOptions, MixOptions):
    """POST /v1/models/{id}/samples"""

    rows: Rows | None = None
    conditions: Conditions = Field(default={})
    policy: str = "internal"
    seed: Seed = 0


class JobError(Body):
    """Why a job failed."""

    code: str
    detail: str


class Job(Body):
    """A job."""

    id: str
    kind: str
    state: str
    stage: str | None
    fraction: float
    dataset_id: str
    model_id: str | None
    release_id: str | None
    options: KeptOptions
    error: JobError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
