"""The report document of one run, put together from what the stages published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from app.report.asked import asked_part
from app.report.attacks import coverage_part, findings_part, notes_part
from app.report.between import rules_part
from app.report.columns import is_plain, summary
from app.report.criteria import criteria_part
from app.report.likeness import fidelity_part
from app.report.mix import augmentation_part, mix_part
from app.report.model import Curve, Fact, ModePart, Protocol, Report, Run, TrainingPart, VerdictPart
from app.report.questions import questions_part
from app.report.reading import finite, listed, mapped, text
from app.report.units import NOT_MEASURED
from app.report.wording import (
    ATTACKS_OF_RESEARCH,
    COVERS,
    CURVES,
    MEANINGS,
    MODES,
    NO_DIFFERENTIAL_PRIVACY,
    NOT_COVERED,
    next_step,
    protection,
    statement,
)
from privacy.audit import AuditResult
from privacy.record import read_audit

Json = Mapping[str, Any]
SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "report.schema.json"


def build(*, facts: Json, split: Json, training: Json, fidelity: Json, audit: Json, decision: Json) -> dict[str, Any]:
    """The document as JSON values; `app.report.model.Report` says what each field means.

    What was not measured is in it with the reason. Raises privacy.errors.AuditInputError where `audit` is no audit, and
    pydantic.ValidationError where a part lacks what a report cannot do without (a verdict, its reasons).
    """
    result = read_audit(audit)
    findings, coverage = findings_part(result, decision), coverage_part(result)
    verdict = verdict_part(decision, holdout=result.sizes.get("holdout"))
    report = Report(
        run=_run(facts),
        mix=mix_part(fidelity),
        augmentation=augmentation_part(fidelity),
        verdict=verdict,
        questions=questions_part(findings, decision, coverage),
        criteria=criteria_part(findings, verdict),
        findings=findings,
        audit_notes=notes_part(result, decision),
        coverage=coverage,
        not_covered=not_covered({finding.attack for finding in findings if finding.status == "measured"}),
        rules=rules_part(fidelity),
        fidelity=fidelity_part(fidelity, facts),
        asked=asked_part(fidelity),
        training=_training(training),
        protocol=_protocol(facts, split, result, decision),
    )
    return report.model_dump(mode="json")


def schema() -> dict[str, Any]:
    """The JSON schema of the document, as kept in docs/report.schema.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lookalike report, version 1",
        **{name: part for name, part in Report.model_json_schema(mode="serialization").items() if name != "title"},
    }


def schema_text() -> str:
    """What docs/report.schema.json must hold."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def _run(facts: Json) -> Run:
    return Run(
        job_id=text(facts.get("job_id")),
        dataset_id=text(facts.get("dataset_id")),
        dataset_name=text(facts.get("dataset_name")),
        model_id=None if facts.get("model_id") is None else text(facts["model_id"]),
        created_at=text(facts.get("created_at")),
        covers=COVERS,
        reading=[
            f"{text(column.get('name'))}: {summary(column)}"
            for column in map(mapped, listed(facts.get("schema")))
            if "kind" in column and not is_plain(column)
        ],
    )


def verdict_part(decision: Json, *, holdout: int | None) -> VerdictPart:
    """The verdict with the words that must go with it."""
    verdict = str(decision.get("verdict"))
    auto_release, four_eyes = decision.get("auto_release") is True, decision.get("four_eyes") is True
    return VerdictPart(
        verdict=verdict,
        meaning=MEANINGS.get(verdict, ""),
        policy=text(decision.get("policy")),
        policy_version=text(decision.get("policy_version")),
        reasons=[str(reason) for reason in listed(decision.get("reasons"))],
        next_step=next_step(verdict, auto_release=auto_release, four_eyes=four_eyes),
        auto_release=auto_release,
        four_eyes=four_eyes,
        statement=statement(verdict, holdout=holdout),
        differential_privacy=NO_DIFFERENTIAL_PRIVACY,
        modes=[_mode(mapped(mode)) for mode in listed(decision.get("modes"))],
    )


def _mode(mode: Json) -> ModePart:
    name = str(mode.get("mode"))
    return ModePart(
        mode=name,
        title=MODES.get(name, ""),
        verdict=str(mode.get("verdict")),
        reasons=[str(reason) for reason in listed(mode.get("reasons"))],
    )


def not_covered(attacks: Iterable[str]) -> list[str]:
    """What no attack of these says anything about."""
    run = " ".join(attacks)
    return [*(f"Not run: {what}" for key, what in ATTACKS_OF_RESEARCH.items() if key not in run), *NOT_COVERED]


def _training(training: Json) -> TrainingPart:
    history = [mapped(point) for point in listed(training.get("history"))]
    names = {name: None for point in history for name in point if name not in {"step", "seconds"}}
    curves = [curve for name in names if (curve := _curve(name, history)) is not None]
    return TrainingPart(
        steps=_count(training.get("steps")),
        seconds=finite(training.get("seconds")),
        following_seconds=finite(training.get("following_seconds")),
        device=text(training.get("device")),
        records=_count(training.get("records")),
        parameters=_count(training.get("parameters")),
        protection=protection(training.get("protected"), _count(training.get("minimum_count"))),
        stopped_because=text(training.get("stopped_because")),
        losses=[curve for curve in curves if "loss" in curve.name],
        metrics=[curve for curve in curves if "loss" not in curve.name],
        warnings=[str(warning) for warning in listed(training.get("warnings"))],
    )


def _curve(name: str, history: Iterable[Json]) -> Curve | None:
    """The points at which `name` was measured, or None where it never was."""
    points = [(_count(point.get("step")), finite(point.get(name))) for point in history]
    measured = [(step, value) for step, value in points if step is not None and value is not None]
    if not measured:
        return None
    return Curve(
        name=CURVES.get(name, name.replace("_", " ")), steps=[s for s, _ in measured], values=[v for _, v in measured]
    )


def _count(value: object) -> int | None:
    number = finite(value)
    return None if number is None else int(number)


def _protocol(facts: Json, split: Json, audit: AuditResult, decision: Json) -> Protocol:
    counts = mapped(split.get("counts"))
    sizes = [Fact(name=f"{name}, records", value=_size(n)) for name, n in counts.items()]
    sizes += [Fact(name=f"{name}, in the audit", value=_size(n)) for name, n in audit.sizes.items()]
    if audit.together is not None:
        sizes += [Fact(name="synthetic tables, attacked together", value=_size(audit.together.sizes.get("tables")))]
    sealed = {name: value for name, value in split.items() if name != "counts"}
    schema_columns = [mapped(column) for column in listed(facts.get("schema"))]
    return Protocol(
        sizes=sizes,
        split=_facts(sealed),
        hashes=_facts(_hashes(facts)),
        versions=[
            Fact(name="code", value=text(facts.get("code_version"))),
            Fact(name="attack battery", value=audit.battery_version),
            Fact(name="policy", value=f"{text(decision.get('policy'))} {text(decision.get('policy_version'))}"),
        ],
        options=_options(facts.get("options")),
        columns=[
            Fact(name=text(c.get("name")), value=f"{text(c.get('kind'))}, {text(c.get('role', 'feature'))}")
            for c in schema_columns
        ],
    )


def _hashes(facts: Json) -> dict[str, object]:
    """The upload's hash, and that of each artifact, which may be given as text or as the worker's record of it."""
    named = mapped(facts.get("artifacts")) or mapped(facts.get("hashes"))
    found: dict[str, object] = {"upload": facts.get("upload_sha256")}
    for name, artifact in named.items():
        found[name] = artifact.get("sha256") if isinstance(artifact, Mapping) else artifact
    return found


def _facts(values: Json) -> list[Fact]:
    return [Fact(name=name.replace("_", " "), value=_shown(value)) for name, value in values.items()]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(each) for each in value) or "none"
    return text(value)


def _size(value: object) -> str:
    number = finite(value)
    return f"{NOT_MEASURED}: not given" if number is None else f"{int(number):,}"


def _options(options: object) -> dict[str, JsonValue]:
    return json.loads(json.dumps(dict(mapped(options)), allow_nan=False))  # type: ignore[no-any-return]
