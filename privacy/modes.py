"""One verdict for each way of releasing: a file is not access to sampling, and sampling is not the model."""

from __future__ import annotations

from privacy.audit import AuditResult
from privacy.estimate import holm, upper_tail_p
from privacy.finding import Finding, FindingStatus, ModeVerdict, ReleaseMode, Verdict
from privacy.wording import (
    MODEL_NOT_ASSESSED,
    MODEL_NOT_RULED_OUT,
    SAMPLING_DOUBTS,
    SAMPLING_NOT_ASSESSED,
    SAMPLING_ONE_TABLE,
    as_the_file,
    model_tells,
    sampling_kept,
)

FINAL = (Verdict.BLOCK, Verdict.VOID, Verdict.INSUFFICIENT)
"""What is said of the file is said of whatever makes such files."""
LEVEL = 0.025
"""One-sided, over all statistics of the model together."""


def verdicts(
    result: AuditResult, file: Verdict, reasons: tuple[str, ...], *, draws: bool, kept: bool
) -> tuple[ModeVerdict, ...]:
    """The verdicts for file, sampling and model.

    `file` and `reasons` are the verdict on the file. `draws` says whether an attack that draws from the model gave a
    figure (shadow models), `kept` whether its limits are shown to be kept by one that is not blind. Sampling is never
    better than the file, and passes only where, besides, several tables from the model were attacked together. The
    model is blocked where one of its own likelihoods provably tells training records from others, whatever the verdict
    on the file, and is never passed: no attack rules out what weights can hold.
    """
    return (
        ModeVerdict(mode=ReleaseMode.FILE, verdict=file, reasons=reasons),
        _sampling(result, file, draws=draws, kept=kept),
        _model(result, file),
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


def _model(result: AuditResult, file: Verdict) -> ModeVerdict:
    asked, proven = _white_box(result)
    if proven:
        verdict, reasons = Verdict.BLOCK, tuple(model_tells(finding) for finding in proven)
    elif file in FINAL:
        verdict, reasons = file, (as_the_file("The model"),)
    else:
        verdict, reasons = Verdict.NOT_ASSESSED, (MODEL_NOT_RULED_OUT if asked else MODEL_NOT_ASSESSED,)
    return ModeVerdict(mode=ReleaseMode.MODEL, verdict=verdict, reasons=reasons)


def _white_box(result: AuditResult) -> tuple[bool, list[Finding]]:
    """Whether the model was asked about people, and the statistics proven above their baseline by Holm's test."""
    asked = [
        finding
        for finding in result.findings
        if finding.attack == "white_box" and finding.status is FindingStatus.MEASURED
    ]
    p_values = [upper_tail_p(f.value or 0.0, f.lower or 0.0, f.baseline or 0.0) for f in asked]
    proven = holm(p_values, level=LEVEL)
    return bool(asked), [finding for finding, rejected in zip(asked, proven, strict=True) if rejected]
