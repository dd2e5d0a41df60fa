"""What fields of requests may hold: mixes, kinds, rules and the like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)

from app.names import plain_name
from app.states import Priority
from synth.config import Objective
from synth.fidelity.asked.aggregate import LONGEST, MOST_ASKED
from synth.rules.text import LONGEST as LONGEST_RULE
from synth.rules.text import MOST_RULES
from synth.table.mix import LONGEST_MIX, MOST_MIXES

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
        "a = b + c - d, a = 100 * b + c, a = b * c, a = clock(b + c) between times of day such as 1430 and minutes, "
        "a = month(b), a = hour(b, Europe/Berlin), a = weekday(b) - 1 and other parts of a date, "
        "0 <= a <= 100, one_hot(a, b), combination(a, b), unique(a, b), missing(a) if missing(b), "
        "or missing(a) if b = x. A name with spaces or signs stands in quotes.",
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
