"""The privacy audit of a synthetic table from any generator, without a service: read, attack, decide, write."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app import __version__
from app.cli.columns import show_columns
from app.cli.exits import CommandError, Exit, exit_for_verdict
from app.cli.screen import Screen, Told
from app.cli.tables import Given, Read, Wanted, read_tables
from app.cli.verdict import show_asked
from app.errors import ServiceError
from app.intake.errors import IntakeError
from app.marks import mark_of
from app.report.asked import asked_part
from app.report.audit_page import render_audit
from privacy.audit import AuditResult, attacks_for, audit
from privacy.errors import PrivacyError
from privacy.finding import Decision
from privacy.limits import Policy, load_policy
from privacy.policy import decide
from privacy.running import Attack, Stream
from privacy.threat import AuditTables
from privacy.union import attack_together
from synth.errors import SynthError
from synth.fidelity.asked.aggregate import DEFAULT_TOLERANCE, Aggregate
from synth.fidelity.asked.answer import answer
from synth.fidelity.asked.parse import parse_asked
from synth.table.schema import TableSchema

FORMAT = "lookalike.audit/1"
ALONE = 0.5
"""The part of the work before earlier tables are attacked together with this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What is audited, by which policy, and where the outcome goes."""

    train: Path
    holdout: Path
    synthetic: Path
    out: Path
    """The JSON document."""
    page: Path | None = None
    """The same as HTML, where it is wanted."""
    reference: Path | None = None
    earlier: tuple[Path, ...] = ()
    wanted: Wanted
    secrets: tuple[str, ...] = ()
    """Columns that an attacker wants to know, beside those that the attack chooses."""
    ask: tuple[str, ...] = ()
    """Questions that both tables answer."""
    tolerance: float = DEFAULT_TOLERANCE
    source: tuple[str, ...] = ()
    """Columns that one source of an attacker holds, a second one the others; beside the split that the attack deals."""
    policy: str
    seed: int = 0

    def given(self) -> tuple[Given, ...]:
        """The tables by name, train first."""
        named = [("train", self.train), ("holdout", self.holdout), ("synthetic", self.synthetic)]
        named += [] if self.reference is None else [("reference", self.reference)]
        named += [(f"earlier table {i}", path) for i, path in enumerate(self.earlier, start=1)]
        return tuple(Given(name=name, path=path) for name, path in named)


def audit_files(screen: Screen, wanted: Audit) -> Exit:
    """The exit code of the verdict; the document and the page are written. Raises CommandError on bad input."""
    with _refusals():
        policy = load_policy(wanted.policy)
        asked = parse_asked(wanted.ask)
        _expect_writable(wanted)
        _expect_synthetic(wanted)
        with screen.work("reading the tables") as told, tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
            read = read_tables(wanted.given(), wanted.wanted, Path(folder), told)
        for note in read.notes:
            screen.note(f"note: {note}")
        show_columns(screen, read.schema.to_json())
        answers = _answered(read, asked, wanted.tolerance)
        with screen.work("attacking") as told:
            attacks = attacks_for(read.schema, secrets=wanted.secrets, source=wanted.source)
            result = _attacked(read, wanted.seed, told, attacks)
        decision = decide(result, policy)
        document = _document(wanted, read, result, decision, policy)
        document["asked"] = answers
        _write(wanted.out, json.dumps(document, indent=1, allow_nan=False) + "\n")
        if wanted.page is not None:
            _write(wanted.page, render_audit(document))
    _show(screen, decision, wanted)
    show_asked(screen, answers)
    return exit_for_verdict(decision.verdict)


def _expect_synthetic(wanted: Audit) -> None:
    """Refuse a file that `complete`, `impute`, `odd` or `change` marked as one with cells of real records."""
    for name, path in (("--synthetic", wanted.synthetic), *(("--earlier", path) for path in wanted.earlier)):
        mark = mark_of(path)
        if mark is not None:
            raise CommandError(
                f"{name}: expected a synthetic table, got a file whose mark says: {mark}", Exit.BAD_INPUT
            )


def _attacked(read: Read, seed: int, told: Told, attacks: Mapping[str, Attack]) -> AuditResult:
    frames = read.frames
    tables = AuditTables(
        train=frames["train"],
        holdout=frames["holdout"],
        synthetic=frames["synthetic"],
        reference=frames.get("reference"),
        schema=read.schema,
    )
    earlier = [frame for name, frame in frames.items() if name.startswith("earlier")]
    share = ALONE if earlier else 1.0
    random = Stream(seed)
    result = audit(tables, random.spawn("audit").generator(), progress=_telling(told, 0.0, share), attacks=attacks)
    return attack_together(
        result,
        tables,
        earlier,
        random.spawn("together").generator(),
        progress=_telling(told, share, 1.0),
        attacks=attacks,
    )


def _answered(read: Read, asked: Sequence[Aggregate], tolerance: float) -> list[dict[str, Any]]:
    """The questions with their answers, as in a report."""
    frames = read.frames
    answers = answer(frames["train"], frames["holdout"], frames["synthetic"], read.schema, asked, tolerance=tolerance)
    return [part.model_dump(mode="json") for part in asked_part({"asked": [each.to_json() for each in answers]})]


def _telling(told: Told, start: float, end: float) -> Callable[[str, float], None]:
    return lambda what, fraction: told(start + (end - start) * fraction, what)


def _document(wanted: Audit, read: Read, result: AuditResult, decision: Decision, policy: Policy) -> dict[str, object]:
    """The whole audit as JSON values: what was read, what was found, what follows by which limits. No cell is in it."""
    inputs = [
        {"table": given.name, "file": given.path.name, "sha256": _sha256(given.path), "rows": read.rows[given.name]}
        for given in wanted.given()
    ]
    libraries = {name: version(name) for name in ("numpy", "pandas", "scipy", "scikit-learn")}
    return {
        "format": FORMAT,
        "decision": decision.to_json(),
        "audit": result.to_json(),
        "policy": policy.to_json(),
        "inputs": inputs,
        "schema": TableSchema(columns=tuple(replace(spec, order=()) for spec in read.schema)).to_json(),
        "notes": list(read.notes),
        "seed": wanted.seed,
        "secrets": list(wanted.secrets),
        "source": list(wanted.source),
        "versions": {
            "lookalike": __version__,
            "battery": result.battery_version,
            "python": platform.python_version(),
            **libraries,
        },
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _show(screen: Screen, decision: Decision, wanted: Audit) -> None:
    screen.say(f"verdict   {decision.verdict} (policy {decision.policy} {decision.policy_version})")
    for reason in decision.reasons:
        screen.say(f"          {reason}")
    for mode in decision.modes:
        screen.say(f"{mode.mode:<10}{mode.verdict.replace('_', ' ')}")
    for path in (wanted.out, wanted.page):
        if path is not None:
            screen.say(f"report    {path}")


def _expect_writable(wanted: Audit) -> None:
    """Refuse before the work begins what could not be written after it, and what would overwrite a table."""
    given = {each.path.resolve() for each in wanted.given()}
    for path in (wanted.out, wanted.page):
        if path is None:
            continue
        if path.resolve() in given:
            raise CommandError("expected the report under a name of its own, got that of a table", Exit.BAD_INPUT)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # an earlier run's verdict must not be taken for this one's
        except OSError as error:
            raise CommandError(
                f"expected a file that can be written for the report ({type(error).__name__})", Exit.BAD_INPUT
            ) from error


def _write(path: Path, content: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(content, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the rooms refuse is bad input; what breaks them is told by its kind alone, for messages quote data."""
    try:
        yield
    except (SynthError, PrivacyError, IntakeError, ServiceError) as error:
        raise CommandError(str(error), Exit.BAD_INPUT) from None
    except CommandError:
        raise
    except Exception as error:  # noqa: BLE001 - the last frame
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise CommandError(f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}") from None
