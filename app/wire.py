"""The bodies of requests and answers, version 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from app.names import plain_name
from app.states import Priority, Scope
from synth.config import DEFAULT_OBJECTIVE, Objective
from synth.fidelity.asked.aggregate import DEFAULT_TOLERANCE, LONGEST, MOST_ASKED
from synth.rules.text import LONGEST as LONGEST_RULE
from synth.rules.text import MOST_RULES
from synth.table.mix import LONGEST_MIX, MOST_MIXES, Augment, Mix
from synth.table.ranges import AnyOf, Presence, Range, moment_of
from synth.table.ranges import Condition as Asked

Item = TypeVar("Item")
MAX_SEED = 2**63 - 1
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, description="Same data, options and seed give the same table.")]
RetentionDays = Annotated[
    int,
    Field(
        ge=0,
        le=3650,
        description="Real records go so many days after the last training has ended, or after the upload where there "
        "is none; reports and releases stay.",
    ),
]
Rows = Annotated[
    int, Field(ge=1, description="How many synthetic records; as many as were learnt where it is left out.")
]


def _end(value: object) -> object:
    """An end of a range as it came. Raises PydanticCustomError where it is no finite number and no moment."""
    if isinstance(value, str):
        if moment_of(value, last=False) is None:
            raise PydanticCustomError("range_end", "expected an ISO 8601 date, or a datetime without a time zone")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise PydanticCustomError("range_end", "expected a finite number, or a date or datetime as ISO 8601 text")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


End = Annotated[
    int | float | str,
    BeforeValidator(_end),
    Field(description="A number, or for datetimes an ISO 8601 date or a datetime without a time zone."),
]
_RangeEnds = TypedDict("_RangeEnds", {"from": End, "to": End}, total=False)  # `from` is a keyword of the language


@with_config(ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1}))
class RangeCondition(_RangeEnds, total=False):
    """Values of a numerical or datetime column from `from` to `to`, both included. One of the two is named at least,
    the other end is open where it is left out. A date without a time as `to` takes in its whole day. A missing value
    lies in no range.
    """


def _range(ends: RangeCondition) -> RangeCondition:
    """The range. Raises PydanticCustomError where it has no end, ends of two kinds, or ends the wrong way round."""
    if not ends:
        raise PydanticCustomError("range_open", "expected a range with 'from', 'to' or both, got neither")
    low, high = ends.get("from"), ends.get("to")
    if low is None or high is None:
        return ends
    if isinstance(low, str) != isinstance(high, str):
        raise PydanticCustomError("range_kinds", "expected two numbers, or two dates or datetimes, got one of each")
    if _is_after(low, high):
        raise PydanticCustomError("range_order", "expected a 'from' that is not after 'to', got one that is")
    return ends


def _is_after(low: float | str, high: float | str) -> bool:
    if isinstance(low, str) or isinstance(high, str):
        first, last = moment_of(low, last=False), moment_of(high, last=True)
        return first is not None and last is not None and first > last
    return low > high


@with_config(ConfigDict(extra="forbid"))
class PresenceCondition(TypedDict):
    """Whether a column's value is missing in every record, or in none."""

    missing: bool


_PRESENCE: TypeAdapter[PresenceCondition] = TypeAdapter(PresenceCondition)
_ANY_OF: TypeAdapter[list[str]] = TypeAdapter(Annotated[list[str], Field(min_length=1, max_length=1_000)])
_RANGE: TypeAdapter[RangeCondition] = TypeAdapter(Annotated[RangeCondition, AfterValidator(_range)])


def _condition(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """A condition; a problem names the field as it stands in the request, not the form that was tried."""
    if isinstance(value, str):
        return handler(value)
    if isinstance(value, list):
        return _ANY_OF.validate_python(value, strict=True)
    if isinstance(value, dict) and "missing" in value:
        return _PRESENCE.validate_python(value, strict=True)
    if isinstance(value, dict):
        return _RANGE.validate_python(value)
    raise PydanticCustomError(
        "condition",
        "expected text in quotes (a category, a number or a date), a list of such, a range with 'from', 'to' or both, "
        "or 'missing' with true or false",
    )


Condition = Annotated[str | list[str] | RangeCondition | PresenceCondition, WrapValidator(_condition)]
Conditions = Annotated[
    dict[str, Condition],
    Field(
        description="By column a category, a list of categories, a range, or whether a value is missing: every "
        "synthetic record has the category, or one of the list, lies in the range with both ends included, and misses "
        "the value or has one; the rest follows.",
        examples=[
            {"sex": "Female", "age": {"from": 30, "to": 40}, "city": ["Ulm", "Jena"], "income": {"missing": False}}
        ],
    ),
]


def _asked(wanted: object) -> Asked:
    """A condition of a request as the generator reads it."""
    if isinstance(wanted, list):
        return AnyOf(tuple(wanted))
    if isinstance(wanted, dict):
        if "missing" in wanted:
            return Presence.MISSING if wanted["missing"] else Presence.PRESENT
        return Range(wanted.get("from"), wanted.get("to"))
    return str(wanted)


def _said(wanted: Asked) -> object:
    """The same as a request says it."""
    if isinstance(wanted, AnyOf):
        return list(wanted.values)
    if isinstance(wanted, Presence):
        return {"missing": wanted is Presence.MISSING}
    return {"from": wanted.low, "to": wanted.high} if isinstance(wanted, Range) else wanted


Mixes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST_MIX)]],
    Field(
        max_length=MOST_MIXES,
        description="Shares of the values of a column, or of several together: the synthetic records have them in "
        "exactly these numbers, and the rest follows. A value with a comma stands in quotes.",
        examples=[["income=<=50K:0.5,>50K:0.5"], ["income & sex=<=50K & Male:0.5,>50K & Female:0.5"]],
    ),
]
Augmented = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_MIX,
        description="A category and the share that it is to have: so many of its records are drawn beside those of a "
        "table of `rows`. The report says what they bring to models that predict the column.",
        examples=["income=>50K:0.5"],
    ),
]


MOST_NAMED = 1_000
Secrets = Annotated[
    list[str],
    Field(
        max_length=MOST_NAMED,
        description="Columns that an attacker wants to know: attacked beside those that the attack chooses.",
    ),
]
Source = Annotated[
    list[str],
    Field(
        max_length=MOST_NAMED,
        description="Columns that one source of an attacker holds, a second one the others: this split is attacked "
        "beside the one that the attack chooses.",
    ),
]
ShadowModels = Annotated[
    Literal["policy", "on", "off"],
    Field(
        description="Whether generators are trained with and without single records: `policy` trains them where the "
        "policy asks for them and there is an accelerator, `on` in any case (fewer on a CPU), `off` never."
    ),
]
ObjectiveOfJob = Annotated[
    Objective,
    Field(
        description="What the generator is trained for: `tables` is the default with the chain of conditionals behind "
        "it, `ctgan` the published method (Xu et al. 2019) alone, which resembles the table less and has no shadow "
        "models."
    ),
]
PriorityOfJob = Annotated[
    Priority,
    Field(description="Which of the tenant's waiting jobs is begun first; tenants take turns whatever it says."),
]
Ask = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST)]],
    Field(
        max_length=MOST_ASKED,
        description="Questions that the report answers from the real and the synthetic table: mean(x), share(x=a), "
        "quantile(x, .9), corr(x, y) or regression(y ~ x1 + x2), each with `by COLUMN` and `within NUMBER` after it "
        "where wanted.",
        examples=[["mean(age) by sex within 0.5", 'share("hours per week"=40)']],
    ),
]
ToleranceOfJob = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="How far an answer may lie from the real one where its question does not say: a share of the real "
        "answer, or of shares and correlations the difference itself (0.05: five points).",
    ),
]


KIND = (
    r"^(categorical|numerical|datetime(:.{1,40})?|identifier|text|name|first_name|last_name|username|email|phone|address"
    r"|iban|card|national_id|ip|mac|device|url|plate|coordinates)$"
)
KIND_SAID = (
    "categorical, numerical, datetime (or datetime:%d/%m/%Y and the like), identifier, text, name, first_name, "
    "last_name, username, email, phone, address, iban, card, national_id, ip, mac, device, url, plate or coordinates."
)
Kinds = Annotated[
    dict[str, Annotated[str, Field(pattern=KIND)]],
    Field(
        description=f"By column, what it is: {KIND_SAID} Read with an upload alone.", examples=[{"zip": "categorical"}]
    ),
]
Roles = Annotated[
    dict[str, Literal["feature", "person", "order", "target"]],
    Field(description="By column, what it is for. Read with an upload alone.", examples=[{"patient": "person"}]),
]
Missing = Annotated[
    dict[str, list[Annotated[str, Field(max_length=64)]]],
    Field(description="By column, values that stand for a missing one. Read with an upload alone."),
]


Rules = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST_RULE)]],
    Field(
        max_length=MOST_RULES,
        description="Rules that every generated record keeps: a <= b (or <, >=, >) between numbers or dates, "
        "a = b + c - d, a = 100 * b + c, a = b * c, 0 <= a <= 100, one_hot(a, b), combination(a, b), missing(a) if "
        "missing(b), or missing(a) if b = x. A name with spaces or signs stands in quotes.",
        examples=[["admitted <= discharged", "total = net + tax"]],
    ),
]
FindRules = Annotated[
    bool, Field(description="Whether rules that the table proves are kept as well; the report says which.")
]
WithoutRules = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST_RULE)]],
    Field(
        max_length=MOST_RULES,
        description="Rules that are not kept though the table proves them, written as the quote and the report do; "
        "a = b also where the two are often the same.",
        examples=[["net <= total"]],
    ),
]
BrokenRules = Annotated[
    Literal["mend", "leave_out"],
    Field(
        description="What becomes of real records that break a declared rule: `mend` learns them as if they kept it, "
        "`leave_out` does not learn them."
    ),
]


Name = Annotated[str, AfterValidator(plain_name), Field(max_length=200)]
"""A name without characters that nobody sees."""


class Body(BaseModel):
    """The root of all bodies: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneratorOptions(Body):
    """How the generator is trained; what is left out follows from the table by rule."""

    max_minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    max_steps: int | None = Field(default=None, ge=1, le=1_000_000)
    objective: ObjectiveOfJob = DEFAULT_OBJECTIVE


class AuditOptions(Body):
    """What a reviewer may ask of the attacks beyond what they do by themselves. Nothing here leaves one of them out,
    but for the shadow models, and a policy that asks for those passes nothing without them.
    """

    secrets: Secrets = []
    source: Source = []
    shadow_models: ShadowModels = "policy"


class QuestionOptions(Body):
    """What the user wants to know of the synthetic table."""

    ask: Ask = []
    tolerance: ToleranceOfJob = DEFAULT_TOLERANCE


class MixOptions(Body):
    """What share of the synthetic records has which values, where that is not as in the real table."""

    mix: Mixes = []
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


class JobOptions(AuditOptions, QuestionOptions, OrderOptions, MixOptions):
    """What one synthesize or sample job does."""

    rows: Rows | None = None
    generator: GeneratorOptions = GeneratorOptions()
    conditions: Conditions = {}
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

    kinds: Kinds = {}
    roles: Roles = {}
    missing: Missing = {}
    rules: Rules = []
    find_rules: FindRules = True
    without_rules: WithoutRules = []
    broken_rules: BrokenRules = "mend"

    def given(self) -> dict[str, Asked]:
        """The conditions as the generator reads them."""
        return {name: _asked(wanted) for name, wanted in self.conditions.items()}

    def roles_given(self) -> dict[str, str | None]:
        """The columns by the role that the job gives them; None where it gives one to none."""
        return {"target": self.target, "person": self.person, "order": self.order}

    def with_conditions(self, held: Mapping[str, Asked]) -> Self:
        """The same with the conditions as the data set's table has them; those that say the same stay as they came."""
        sent = self.given()
        changed = {name: _said(wanted) for name, wanted in held.items() if wanted != sent[name]}
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


class UseRequest(UseOptions, OrderOptions):
    """POST /v1/uses"""

    dataset_id: str | None = Field(default=None, description="Whose records these are.")
    model_id: str | None = Field(default=None, description="The model; that of a release is its own.")
    conditions: Conditions = Field(default={}, description="Of `change`: how all records are to be afterwards.")
    rows: int | None = Field(default=None, ge=1, description="Of `coreset`: how many records.")
    max_minutes: float | None = Field(
        default=None, gt=0, le=24 * 60, description="Of `impute` and `adapt`: how long a training may take."
    )
    seed: Seed = 0

    def kept(self) -> KeptOptions:
        """The options as the job keeps them."""
        return KeptOptions(
            rows=self.rows,
            conditions=self.conditions,
            seed=self.seed,
            priority=self.priority,
            generator=GeneratorOptions(max_minutes=self.max_minutes),
            use=UseOptions.model_validate(self.model_dump(include=set(UseOptions.model_fields))),
        )


class SampleRequest(AuditOptions, QuestionOptions, OrderOptions, MixOptions):
    """POST /v1/models/{id}/samples"""

    rows: Rows | None = None
    conditions: Conditions = {}
    policy: str = "internal"
    seed: Seed = 0


class Column(Body):
    """One column of a data set's schema: how it is read, what becomes of it, and why."""

    name: str
    kind: Literal["categorical", "numerical", "datetime", "identifier"]
    role: Literal["feature", "person", "order", "target"] = "feature"
    form: dict[str, str | int | bool | None] | None = Field(
        default=None,
        description="How numbers or dates are written; of an identifier, what its values are and what replaces them.",
    )
    missing: list[str] = Field(default=[], description="Values that stand for a missing one; kept at their rate.")
    reason: str = Field(default="", description="Why the column was read this way.")
    doubt: str = Field(default="", description="What else the column may be; empty where there is no doubt.")
    order: list[str] = Field(default=[], description="The categories of a column that came with an order of them.")
    places: int | None = Field(default=None, description="Places that all its decimals are written with in CSV.")
    arrow_type: str = Field(default="", description="The Arrow type that the column came with and is written as.")
    pandas_dtype: str = Field(default="", description="The pandas dtype that its file asks for, such as Int64.")


class ColumnChange(Body):
    """What is said of a column; what is left out stays as it is."""

    name: str
    kind: str | None = Field(default=None, pattern=KIND, description=KIND_SAID)
    role: Literal["feature", "person", "order", "target"] | None = None
    missing: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = Field(
        default=None, description="Further values that stand for a missing one."
    )
    form: dict[str, str | int | bool | None] | None = Field(default=None, exclude=True, description="Not read.")
    reason: str | None = Field(default=None, exclude=True, description="Not read.")
    doubt: str | None = Field(default=None, exclude=True, description="Not read.")
    order: list[str] | None = Field(default=None, exclude=True, description="Not read.")
    places: int | None = Field(default=None, exclude=True, description="Not read.")
    arrow_type: str | None = Field(default=None, exclude=True, description="Not read.")
    pandas_dtype: str | None = Field(default=None, exclude=True, description="Not read.")


class SchemaRequest(Body):
    """PATCH /v1/datasets/{id}/schema: the columns that change; the others stay as they are."""

    columns: list[ColumnChange] = Field(min_length=1)


class RetentionRequest(Body):
    """PATCH /v1/datasets/{id}/retention: how long the records stay."""

    retention_days: RetentionDays | None = Field(description="Null keeps them as long as the data set.")


class Dataset(Body):
    """An uploaded table."""

    id: str
    name: str
    sha256: str = Field(description="Of the bytes that were uploaded.")
    bytes: int
    rows: int
    columns: list[Column]
    format: str
    encoding: str | None
    delimiter: str | None
    reading: dict[str, str | int] = Field(default={}, description="What was said of how to read the file.")
    warnings: list[str]
    preview: list[list[str | None]] | None = Field(
        default=None, description="The first records: in the single view, for keys with the scope `write`."
    )
    retention_days: int | None = Field(
        default=None, description="So many days after the last training the records go; null where they stay."
    )
    records_erased_at: datetime | None = Field(
        default=None, description="When the records went: no job can be sent any more, reports and releases stay."
    )
    created_at: datetime


class Problem(BaseModel):
    """An RFC 9457 problem. Some have further members, for example the state of a release."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    errors: list[dict[str, str]] | None = None


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


class Model(Body):
    """A trained generator."""

    id: str
    dataset_id: str
    job_id: str
    created_at: datetime


class Release(Body):
    """A synthetic table with the verdict on it."""

    id: str
    state: str
    verdict: str
    policy: str
    reasons: list[str]
    rows: int
    dataset_id: str
    model_id: str
    job_id: str
    report_id: str
    csv_sha256: str
    parquet_sha256: str
    created_at: datetime
    decided_by: str | None = Field(description="The id of the key or the person that decided.")
    decided_by_name: str | None = Field(default=None, description="What they were called then.")
    decided_by_person: str | None = Field(
        default=None, description="The id of the person; null for a key that belongs to nobody's account."
    )
    decided_at: datetime | None
    decision_reason: str | None
    withdrawn_by: str | None = None
    withdrawn_by_name: str | None = None
    withdrawn_by_person: str | None = None
    withdrawn_at: datetime | None = None
    withdrawal_reason: str | None = None


class WithdrawalRequest(Body):
    """POST /v1/releases/{id}/withdrawal"""

    reason: str = Field(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")


class NewKeyRequest(Body):
    """POST /v1/keys"""

    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    person: Name | None = Field(default=None, description="Who will hold it, where that person has no account.")
    name: Name | None = Field(default=None, description="What it is for.")
    expires_at: AwareDatetime | None = None


class RotationRequest(Body):
    """POST /v1/keys/{id}/rotation"""

    overlap_hours: float = Field(default=0.0, ge=0, le=24 * 30, description="For so long the old key stays valid.")


class ApiKey(Body):
    """An API key, without its secret."""

    id: str
    scopes: list[Scope]
    person: str = Field(description="The name of who holds it.")
    person_id: str | None = Field(default=None, description="The person whose account it belongs to.")
    name: str = Field(default="", description="What it is for.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Within a minute.")


class NewKey(ApiKey):
    """A key at the one moment when its token is told."""

    token: str


class ApiKeys(Body):
    """All keys of a tenant, oldest first."""

    items: list[ApiKey]


class DecisionRequest(Body):
    """POST /v1/releases/{id}/decision"""

    action: Literal["approve", "reject"]
    reason: str = Field(min_length=3, max_length=2000, pattern=r"^[^\x00]*$")


class AuditEvent(Body):
    """One event of the audit log. `sha256` chains it to the event before, see docs/operations.md."""

    number: int
    at: str = Field(description="ISO 8601 in UTC to the microsecond, as it is hashed.")
    kind: str
    subject: str = Field(description="Id of the thing that it is about.")
    details: dict[str, Any] = Field(
        description="by, person, account, request, salt and facts. Never a cell of a table."
    )
    details_sha256: str = Field(description="SHA-256 of the details as canonical JSON (RFC 8785).")
    sha256: str


class NewWebhookRequest(Body):
    """POST /v1/webhooks"""

    url: str = Field(min_length=9, max_length=2000, pattern=r"^[\x21-\x7e]+$", description="An https address.")


class Webhook(Body):
    """An address that is told when a job ends and when a release moves."""

    id: str
    url: str
    created_at: datetime
    last_status: int | None = Field(description="What it answered last; null where it did not.")
    given_up: int = Field(description="How many messages it never took.")
    disabled_at: datetime | None = Field(description="When it answered that it is gone.")


class NewWebhook(Webhook):
    """A webhook at the one moment when its secret is told."""

    secret: str


class Webhooks(Body):
    """All webhooks of a tenant, oldest first."""

    items: list[Webhook]


class PublicKeys(Body):
    """Public keys in PEM by their ids, each the SHA-256 of the key."""

    keys: dict[str, str]


class Page(Body, Generic[Item]):
    """Some items, newest first, and the cursor of the next ones."""

    items: list[Item]
    next: str | None = None


class Health(Body):
    """Whether the service can work."""

    status: Literal["ok", "degraded"]
    version: str
    checks: dict[str, str] = {}
