"""What mix the table was made to, and what more of a rare class brings, as parts of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.report.base import Figure
from app.report.mix_model import AugmentationPart, AugmentationRow, MixPart, MixShare
from app.report.model import Report
from app.report.reading import figure, finite, listed, mapped
from app.report.units import number

Json = Mapping[str, Any]
ARMS = ("real", "synthetic", "both", "oversampled", "smote")
METRICS = {"auc": "AUC", "average_precision": "average precision", "f1": "F1"}
NO_REASON = "no reason was given"


def mix_part(fidelity: Json) -> MixPart | None:
    """The mix; None where the table was made to none."""
    mix = mapped(fidelity.get("mix"))
    if not mix:
        return None
    return MixPart(
        kind=str(mix.get("kind")),
        shares=[_share(mapped(each)) for each in listed(mix.get("shares"))],
        reweighted=mix.get("reweighted") is True,
        train=_count(mix.get("train")),
        holdout=_count(mix.get("holdout")),
    )


def _share(share: Json) -> MixShare:
    return MixShare(
        columns=[str(each) for each in listed(share.get("columns"))],
        values=[str(each) for each in listed(share.get("values"))],
        asked=finite(share.get("asked")),
        real=finite(share.get("real")),
        synthetic=finite(share.get("synthetic")),
    )


def augmentation_part(fidelity: Json) -> AugmentationPart | None:
    """What more of a class brings; None where the job asked for no more of one."""
    found = mapped(fidelity.get("augmentation"))
    if not found:
        return None
    return AugmentationPart(
        # a list, for the search for training records takes all figures beside a column's name for its values
        column=[str(found.get("column"))],
        value=str(found.get("value")),
        asked=finite(found.get("asked")),
        real=finite(found.get("real")),
        added=_count(found.get("added")),
        reached=finite(found.get("reached")),
        holdout=_count(found.get("holdout")),
        rows=[_row(mapped(each)) for each in listed(found.get("rows"))],
        reason=str(found.get("reason") or ""),
    )


def _row(row: Json) -> AugmentationRow:
    arms = {name: _figure(row.get(name)) for name in (*ARMS, "gain")}
    return AugmentationRow(
        model=str(row.get("model")), metric=str(row.get("metric")), outcome=str(row.get("outcome")), **arms
    )


def _figure(value: object) -> Figure:
    one = mapped(value)
    return figure(
        one.get("value"), lower=one.get("lower"), upper=one.get("upper"), reason=str(one.get("reason") or NO_REASON)
    )


def _count(value: object) -> int | None:
    found = finite(value)
    return None if found is None else int(found)


def mix_said(report: Report) -> str:
    """What a reader has to know before any figure; empty where the table was made to no mix."""
    mix = report.mix
    if mix is None:
        return ""
    columns = ", ".join(dict.fromkeys(repr(name) for each in mix.shares for name in each.columns))
    first = (
        f"The shares of {columns} were asked for. Where they differ from the real table's, and where other columns "
        "follow them, that is by design and no fault of the generator."
    )
    if mix.reweighted:
        of = "" if mix.train is None else f": {number(mix.train)} of train and {number(mix.holdout)} of the holdout"
        return f"{first} All figures under fidelity compare with real records in the same shares{of}."
    return (
        f"{first} Too few real records could be had in these shares, so all figures under fidelity compare with the "
        "real table as it is: there, the columns asked for look like failures and are none."
    )


def augmentation_said(part: AugmentationPart) -> str:
    """What more of the class brings, in a sentence."""
    if part.reason:
        return f"What more records of the category bring was not measured: {part.reason}"
    said = {"gain": "better", "loss": "worse", "cannot_be_told": "no difference could be shown"}
    return " ".join(
        f"{row.model.capitalize()}, {METRICS[row.metric]}: {said.get(row.outcome, 'not measured')}."
        for row in part.rows
    )
