"""The options and arguments that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.arguments import parse_conditions, parse_more
from app.cli.columns import columns_said
from app.cli.reading import reading_said
from app.cli.rules import Broken, BrokenRules, FindRules, Rule, WithoutRule
from synth.table.ranges import Condition


class ObjectiveName(StrEnum):
    """What a generator is trained for."""

    TABLES = "tables"
    CTGAN = "ctgan"


class Shadow(StrEnum):
    """When shadow models are trained."""

    POLICY = "policy"
    ON = "on"
    OFF = "off"


OBJECTIVE_HELP = "What the generator is trained for: tables by default, or ctgan, the published method alone."
DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_POLICY = "internal"
"""That of a job that names none."""
Url = Annotated[str, typer.Option(envvar="LOOKALIKE_URL", help="Address of the service.")]
Key = Annotated[
    str, typer.Option(envvar="LOOKALIKE_KEY", help="API key; better in the environment, where nobody else sees it.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for report and data.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the installation; LOOKALIKE_HOME or ./var if not given.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Same data, options and seed give the same table.")]
Mixed = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=VALUE:SHARE,...",
        help="So large a share of the records has each value; of columns together with & between them; repeatable.",
    ),
]
Augmented = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN=VALUE:SHARE",
        help="More records of one category, beside a table of the usual size, until it has this share.",
    ),
]
Person = Annotated[str | None, typer.Option(help="Column that says whom a record is about.")]
OrderedBy = Annotated[str | None, typer.Option(help="Column of dates or numbers that orders a person's records.")]
Secret = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Column an attacker wants to know; repeatable.")]
Source = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Column that one of an attacker's two sources holds; repeatable."),
]
Ask = Annotated[
    list[str] | None,
    typer.Option(
        metavar="QUESTION",
        help='Answered in the report for both tables, such as "mean(age) by sex"; also share(x=a), quantile(x, .9), '
        "corr(x, y), regression(y ~ x1 + x2), and within NUMBER behind it; repeatable.",
    ),
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        min=1e-6,
        max=1,
        help="How far answers may lie from the real ones: 0.05 is 5 %, of shares and correlations 5 points.",
    ),
]
FORMATS = "CSV, TSV, Parquet, Feather, Arrow, JSON, JSON lines or xlsx"
Table = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help=f"{FORMATS} file.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of a job.")]
ReleaseId = Annotated[str, typer.Argument(metavar="RELEASE", help="Id of a release.")]
WithParent = Annotated[
    int | None, typer.Option("--with-parent", hidden=True, help="End when the parent process of this number ends.")
]


def table(says: str) -> Any:  # noqa: ANN401 - the types are Typer's private ones
    """An option that takes a table."""
    return typer.Option(exists=True, dir_okay=False, readable=True, help=f"{says} {FORMATS}.")


def learning_said(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command line
    objective: Annotated[ObjectiveName, typer.Option(help=OBJECTIVE_HELP)] = ObjectiveName.TABLES,
    target: Annotated[str | None, typer.Option(help="Column that models will predict.")] = None,
    person: Person = None,
    order: OrderedBy = None,
    rule: Rule = None,
    find_rules: FindRules = True,
    without_rule: WithoutRule = None,
    broken_rules: BrokenRules = Broken.MEND,
) -> dict[str, Any]:
    """The options as `app.cli.offline.Training` names them."""
    return {
        "objective": objective.value,
        "target": target,
        "person": person,
        "order": order,
        "rules": tuple(rule or ()),
        "find_rules": find_rules,
        "without_rules": tuple(without_rule or ()),
        "leave_out": broken_rules is Broken.LEAVE_OUT,
    }


def conditions_said(
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Every record has this category, number or date; repeatable."),
    ] = None,
    within: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=FROM..TO",
            help="Every record lies in this range of numbers or dates, both included; FROM.. and ..TO too; repeatable.",
        ),
    ] = None,
    any_of: Annotated[
        list[str] | None,
        typer.Option("--any-of", metavar="COLUMN=A,B", help="Every record has one of these values; repeatable."),
    ] = None,
    missing_in: Annotated[
        list[str] | None, typer.Option("--missing-in", metavar="COLUMN", help="Every record misses it; repeatable.")
    ] = None,
    present_in: Annotated[
        list[str] | None, typer.Option("--present-in", metavar="COLUMN", help="No record misses it; repeatable.")
    ] = None,
) -> dict[str, Condition]:
    """The conditions that all records meet, by column."""
    return parse_more(any_of or (), missing_in or (), present_in or (), parse_conditions(where or (), within or ()))


def rules_said(
    rule: Rule = None,
    find_rules: FindRules = True,
    without_rule: WithoutRule = None,
    broken_rules: BrokenRules = Broken.MEND,
) -> dict[str, Any]:
    """The options as `app.cli.synthesize.Order` names them; those that are as usual are left to the service."""
    return {
        "rules": tuple(rule or ()),
        "find_rules": None if find_rules else False,
        "without_rules": tuple(without_rule or ()),
        "broken_rules": None if broken_rules is Broken.MEND else broken_rules.value,
    }


def examination_said(
    secret: Secret = None,
    source: Source = None,
    ask: Ask = None,
    tolerance: Tolerance = None,
    shadow_models: Annotated[
        Shadow | None, typer.Option(help="Generators with and without one person: by policy, in any case, or never.")
    ] = None,
) -> dict[str, Any]:
    """What attacks and report look at, as `app.cli.synthesize.Order` names it."""
    return {
        "secrets": tuple(secret or ()),
        "source": tuple(source or ()),
        "ask": tuple(ask or ()),
        "tolerance": tolerance,
        "shadow_models": None if shadow_models is None else shadow_models.value,
    }


def training_said(
    max_minutes: Annotated[float | None, typer.Option(min=0, help="Time limit of the training.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Limit of training steps.")] = None,
    retention_days: Annotated[
        int | None,
        typer.Option(min=0, max=3650, help="The service erases FILE's records so many days after the training."),
    ] = None,
    objective: Annotated[ObjectiveName | None, typer.Option(help=OBJECTIVE_HELP)] = None,
) -> dict[str, Any]:
    """How the generator is trained, and how long its records stay, as `app.cli.synthesize.Order` names it."""
    return {
        "max_minutes": max_minutes,
        "max_steps": max_steps,
        "retention_days": retention_days,
        "objective": None if objective is None else objective.value,
    }


GATHERED: Mapping[str, Callable[..., Any]] = {
    "reading": reading_said,
    "columns": columns_said,
    "learning": learning_said,
    "conditions": conditions_said,
    "rules": rules_said,
    "examination": examination_said,
    "training": training_said,
}
"""Parameters of a command that stand for several options each: those of the function that puts them together."""


def with_table_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of how a table is read, what its columns are, how they are learnt, and so on.

    They stand in place of its parameters that GATHERED names, which get what was said with them.
    """
    shape = inspect.signature(command, eval_str=True)
    gathered = {name: gather for name, gather in GATHERED.items() if name in shape.parameters}
    parts = {name: inspect.signature(gather, eval_str=True).parameters for name, gather in gathered.items()}
    parameters = [
        p for name, own in shape.parameters.items() for p in (parts[name].values() if name in parts else [own])
    ]

    @functools.wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 - the values of all options
        said = {name: gathered[name](**{each: given.pop(each) for each in own}) for name, own in parts.items()}
        command(**given, **said)

    called.__signature__ = shape.replace(parameters=[p.replace(kind=p.KEYWORD_ONLY) for p in parameters])  # type: ignore[attr-defined] # Typer reads it
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called
