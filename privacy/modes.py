"""One verdict for each way of releasing: a file is not access to sampling, and sampling is not the model."""

from __future__ import annotations

from privacy.audit import AuditResult
from privacy.finding import ModeVerdict, ReleaseMode, Verdict
from privacy.wording import (
    MODEL_NOT_ASSESSED,
    SAMPLING_DOUBTS,
    SAMPLING_NOT_ASSESSED,
    SAMPLING_ONE_TABLE,
    as_the_file,
    sampling_kept,
)

FINAL = (Verdict.BLOCK, Verdict.VOID, Verdict.INSUFFICIENT)
"""What is said of the file is said of whatever makes such files."""


def verdicts(
    result: AuditResult, file: Verdict, reasons: tuple[str, ...], *, draws: bool, kept: bool
) -> tuple[ModeVerdict, ...]:
    """The verdicts for file, sampling and model.

    `file` and `reasons` are the verdict on the file. `draws` says whether an attack that draws from the model gave a
    figure (shadow models), `kept` whether its limits are shown to be kept by one that is not blind. Sampling is never
    better than the file, and passes only where, besides, several tables from the model were attacked together. For the
    model no attack gives evidence, so it is never passed.
    """
    return (
        ModeVerdict(mode=ReleaseMode.FILE, verdict=file, reasons=reasons),
        _sampling(result, file, draws=draws, kept=kept),
        _model(file),
    )


def _sampling(result: AuditResult, file: Verdict, *, draws: bool, kept: bool) -> ModeVerdict:
    tables, records = result.sizes.get("tables", 1), result.sizes.get("synthetic", 0)
    if file in FINAL:
        verdict, reason = file, as_the_file("Access to sampling")
    elif not draws:
        verdict, reason = Verdict.NOT_ASSESSED, SAMPLING_NOT_ASSESSED
    elif not kept:
        verdict, reason = Verdict.REVIEW, SAMPLING_DOUBTS
    elif tables < 2:
        verdict, reason = Verdict.REVIEW, SAMPLING_ONE_TABLE
    elif file is not Verdict.PASS:
        verdict, reason = file, as_the_file("Access to sampling")
    else:
        verdict, reason = Verdict.PASS, sampling_kept(tables, records)
    return ModeVerdict(mode=ReleaseMode.SAMPLING, verdict=verdict, reasons=(reason,))


def _model(file: Verdict) -> ModeVerdict:
    if file in FINAL:
        return ModeVerdict(mode=ReleaseMode.MODEL, verdict=file, reasons=(as_the_file("The model"),))
    return ModeVerdict(mode=ReleaseMode.MODEL, verdict=Verdict.NOT_ASSESSED, reasons=(MODEL_NOT_ASSESSED,))
