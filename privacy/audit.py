"""The whole battery on one synthetic table: evidence, attacks, and the same attacks on planted leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from privacy.attacks.attribute import attribute
from privacy.attacks.linkability import Split, linkability
from privacy.battery import BATTERY, gets_no_plant, is_told_by, runs_on
from privacy.calibration import Trial, brought_along, trials_of
from privacy.coverage import Coverage, coverage
from privacy.errors import AuditInputError
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.naming import as_without_naming
from privacy.planting import carrier, with_plant
from privacy.plants import LAID, Plant
from privacy.running import Attack, Crash, Stream, attempt, crashed, run_attacks
from privacy.threat import AuditTables
from privacy.validity import CHECKS
from synth.table.schema import TableSchema
from synth.threads import one_thread

BATTERY_VERSION = "10"
"""Changes whenever an attack, its statistic or its subsampling changes, so that old reports stay comparable.

10: shadow generators match tables of one and two columns alone, as the generator does since.
9: where people have several records, membership inference of people by all of their records.
6: leaks of the size of each limit are planted; the interval of a true-positive rate counts the noise of its threshold;
every cell is inferred in turn; the subsets of the worst-off are large enough for their limits. The tables are checked
first. Near and partial copies: agreement (whom each synthetic record points at), records equal in all but one or two
columns, values moved a little or all alike; lower ends of replay are exact. Half of the columns are reconstructed from
the others. Look-ups of identifiers, e-mails, telephones, codes, names and phrases; columns that were named an
identifier, a person or a category are attacked as they would be without the name; which attacks looked at which column.
A target is attacked in addition to the columns that attribute inference chooses.
5: singling out tries three times as many descriptions, so that its interval is narrower.
4: membership inference of those in small intersections of columns.
3: density ratio, classifier, error ensemble, attribute inference, linkability, singling out; four further statistics of
the worst-off records and one per subgroup; copies counted over all records of a person; each attack draws random
numbers of its own, so that a new attack changes no other's figures; a further plant (20 % jitter).
"""

Progress = Callable[[str, float], None]

ATTACKS: Mapping[str, Attack] = {name: member.run for name, member in BATTERY.items()}
BY_NAMED_SOURCE = "named_source_"
"""Before the statistics of linkability by a split that a reviewer chose, where the attack's own was tried as well."""
LOOK_UPS = ("replay", "agreement")
"""Attacks that read the keys of all records, and not only the people under attack."""
NO_PLANT = ("drift", *CHECKS)
LIMIT_S, LIMIT_COLUMNS = 300.0, 50
"""Seconds that an attack may take on a table of up to so many columns; more columns have proportionally more. One that
takes longer gives no result. At the largest sizes attacks take a tenth of it."""
WORKERS = 2


def attacks_for(
    schema: TableSchema, *, secrets: Sequence[str] = (), source: Sequence[str] = ()
) -> Mapping[str, Attack]:
    """The battery, with the secret columns and the columns of one of two sources that are named attacked in addition.

    What the attacks choose by themselves is attacked as well, with the same figures, and what was added is marked
    (`Finding.named`). So no name draws an attack away from what it would have found.
    Raises AuditInputError on unknown columns and identifiers.
    """
    usable = schema.learnt
    unknown = [name for name in (*secrets, *source) if name not in usable]
    if unknown:
        raise AuditInputError(f"expected columns that attacks may use ({', '.join(usable)}), got {', '.join(unknown)}")
    attacks = dict(ATTACKS)
    if secrets:
        attacks["attribute"] = partial(attribute, secrets=tuple(secrets))
    if source:
        split = (tuple(source), tuple(name for name in usable if name not in source))
        attacks["linkability"] = partial(_with_source, split=split)
    return attacks


def _with_source(evidence: Evidence, rng: np.random.Generator, *, split: Split) -> tuple[Finding, ...]:
    own, named = linkability(evidence, rng), linkability(evidence, rng, split=split)
    added = (replace(finding, statistic=BY_NAMED_SOURCE + finding.statistic, named=True) for finding in named)
    return (*own, *added)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditResult:
    """What the battery found, what it would have found, and on how many records it rests."""

    findings: tuple[Finding, ...]
    calibration: tuple[Trial, ...]
    sizes: Mapping[str, int]
    """Records (of distinct people, where the schema names a person) per table, and records under attack per side.
    `tables`, where it is there, is the number of synthetic tables that were attacked together."""
    battery_version: str = BATTERY_VERSION
    together: AuditResult | None = None
    """The same of all tables released from these data, this one included; None where this is the first."""
    not_attacked: int = 0
    """How many tables released from some of the same people could not be attacked together with this one: they, or the
    division of the people whom their generators were trained on, are gone, or they were read by another schema."""
    in_part: int = 0
    """How many of the tables that were attacked together come from another table of records. People whose records
    differ between the two count as not trained on by that generator, though they may have been."""
    coverage: Coverage = field(default_factory=dict)
    """For each column the attacks that looked at it; empty where that was not recorded."""
    in_shares: Mapping[str, int] = field(default_factory=dict)
    """Where the table was made to a mix: people of train and holdout who can be had in its shares, none of them twice.
    They are the ones whom the table tells of, and everybody else thins out what it gives away about them."""
    notes: tuple[str, ...] = ()
    """What a reader must know before reading the findings."""

    @property
    def blind(self) -> frozenset[str]:
        """The measured statistics that caught none of the leaks planted into this table."""
        saw = {trial.key for trial in self.calibration if trial.caught and trial.plant is not Plant.FRESH}
        measured = {f.key for f in self.findings if f.status is FindingStatus.MEASURED and f.attack not in NO_PLANT}
        return frozenset(measured - saw)

    def joined(self, findings: tuple[Finding, ...]) -> AuditResult:
        """The result with the findings of an attack that was run apart (shadow models) and what it saw of its plant.

        Without a plant of its own a statistic counts as blind.
        """
        trials = (*self.calibration, *brought_along(findings))
        return replace(self, findings=(*self.findings, *findings), calibration=trials)

    def of_all_tables(self) -> AuditResult | None:
        """`together`, with what was run apart on the model and holds for every table from it (shadow models)."""
        if self.together is None:
            return None
        run = {finding.attack for finding in self.together.findings}
        return self.together.joined(tuple(finding for finding in self.findings if finding.attack not in run))

    def to_json(self) -> dict[str, object]:
        """The result as JSON values."""
        return {
            "battery_version": self.battery_version,
            "findings": [finding.to_json() for finding in self.findings],
            "calibration": [trial.to_json() for trial in self.calibration],
            "blind": sorted(self.blind),
            "sizes": dict(self.sizes),
            "together": None if self.together is None else self.together.to_json(),
            "not_attacked": self.not_attacked,
            "coverage": {name: list(attacks) for name, attacks in self.coverage.items()},
            "in_part": self.in_part,
            "in_shares": dict(self.in_shares),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """How to run attacks, whatever they are run on."""

    attacks: Mapping[str, Attack]
    stream: Stream
    limit_s: float
    workers: int
    report: Progress

    def on(
        self, evidence: Evidence, stage: str, start: float, end: float, *, only: Mapping[str, Attack] | None = None
    ) -> dict[str, tuple[Finding, ...]]:
        return run_attacks(
            self.attacks if only is None else only,
            evidence,
            self.stream.spawn(stage),
            limit_s=self.limit_s,
            workers=self.workers,
            tell=lambda name, done: self.report(f"{stage}: {name}", start * (1 - done) + end * done),
        )


def audit(
    tables: AuditTables,
    rng: np.random.Generator,
    *,
    progress: Progress | None = None,
    attacks: Mapping[str, Attack] = ATTACKS,
    planting: bool = True,
    limit_s: float | None = None,
    workers: int = WORKERS,
) -> AuditResult:
    """The findings of all attacks on `tables.synthetic`, and what each caught among the leaks planted for it.

    An attack that raises, or that takes longer than `limit_s` seconds, becomes a finding with the status FAILED and the
    others go on. The same `rng` state gives the same result, whatever the number of `workers` (threads) and whichever
    other attacks there are. Without `planting` the self-calibration is left out: then every attack counts as blind, and
    no policy passes the table. `progress` is called with a stage and the fraction done; what it raises ends the audit.
    """
    report = progress or (lambda _stage, _fraction: None)
    run = _Run(
        attacks=attacks,
        stream=Stream(int(rng.integers(2**62))),
        limit_s=limit_for(tables.schema) if limit_s is None else limit_s,
        workers=max(1, workers),
        report=report,
    )
    report("distances", 0.0)
    thin = as_without_naming(tables.one_record_per_person(run.stream.spawn("people").generator()), tables)
    sizes = {name: len(frame) for name, frame in thin.named()}
    with one_thread():
        evidence = attempt(lambda: gather(thin, run.stream.spawn("evidence").generator(), whole=tables))
        if isinstance(evidence, Crash):
            failed = tuple(crashed(name, evidence) for name in attacks)
            none: Coverage = dict.fromkeys(tables.schema.names, ())
            return AuditResult(findings=failed, calibration=(), sizes={**sizes, "attacked": 0}, coverage=none)
        found = run.on(evidence, "attack", 0.15, 0.25)
        trials, broken = _plant_all(evidence, run, found) if planting else ((), ())
    report("done", 1.0)
    return AuditResult(
        findings=(*_flat(found), *broken),
        calibration=(*trials, *brought_along(_flat(found))),
        sizes={**sizes, "attacked": len(evidence.train)},
        coverage=coverage(evidence, _flat(found), tables.schema.names),
    )


def limit_for(schema: TableSchema) -> float:
    """The seconds that an attack may take on one table of this schema, unless an audit says otherwise."""
    return LIMIT_S * max(1.0, len(schema.learnt) / LIMIT_COLUMNS)


def _plant_all(
    evidence: Evidence, run: _Run, found: Mapping[str, tuple[Finding, ...]]
) -> tuple[tuple[Trial, ...], tuple[Finding, ...]]:
    """The trials on all plants, and a finding with the status FAILED for each plant that could not be laid.

    Each attack is run on its own plants: see `About.plants`. Carrier and release differ in the people whom
    look-ups see, so look-ups are run on the carrier too; what all others found on the release holds for it.
    """
    run = replace(run, attacks={name: attack for name, attack in run.attacks.items() if not gets_no_plant(name)})
    look_ups = {name: attack for name, attack in run.attacks.items() if name in LOOK_UPS or name not in BATTERY}
    base = carrier(evidence)
    without = {name: found[name] for name in run.attacks} | run.on(base, "calibration", 0.25, 0.3, only=look_ups)
    trials: list[Trial] = []
    broken: list[Finding] = []
    for place, plant in enumerate(LAID):
        start, end = (0.3 + 0.7 * part / len(LAID) for part in (place, place + 1))
        for of_synthetic in (False, True):
            only = {name: each for name, each in run.attacks.items() if runs_on(name, plant, of_synthetic=of_synthetic)}
            if not only:
                continue
            run.report(f"calibration: {plant.value}", start)
            random = run.stream.spawn("plants").spawn(plant.value).generator()
            planted = attempt(partial(with_plant, plant, base, random, of_synthetic=of_synthetic))
            if isinstance(planted, Crash):
                broken.append(crashed("calibration", planted))
            elif planted is not None:
                seen = _flat(run.on(planted, f"calibration: {plant.value}", start, end, only=only))
                judged = tuple(finding for finding in seen if is_told_by(finding.key, plant, of_synthetic=of_synthetic))
                trials.extend(trials_of(plant, judged, _flat(without)))
    return tuple(trials), tuple(broken)


def _flat(found: Mapping[str, tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return tuple(finding for some in found.values() for finding in some)
