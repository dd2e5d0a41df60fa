"""A7: do generators trained with and without one person's record tell whose record they learnt?

Every shadow generator learns the same base records and a random half of the targets, so that one batch of generators
serves all targets at once (the design of LiRA, arXiv 2112.03570, section 4). What follows from it:

* For each target half of the M generators are "with" and half "without", whatever the number of targets.
* The other targets come and go beside the one asked about. That is noise which a pair of trainings that differ by one
  record alone would not have: the AUC may be a little lower than against an attacker who knows those too, most of all
  where two targets resemble one another.
* The AUCs of different targets come from the same generators and are not independent. Bonferroni's correction does not
  ask that they be.
* It is the training procedure that is measured, on these very records, not the one synthetic file under audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from privacy.about import About, Question
from privacy.errors import AuditInputError
from privacy.estimate import Interval, auc_interval
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from privacy.queries import Views, make_lens
from privacy.threat import AuditTables
from synth.table.schema import ColumnRole
from synth.threads import one_thread

ABOUT = About(
    title="Shadow models",
    question=Question.WORST_OFF,
    statistics={
        "max_auc": "worst record, AUC",
    },
    plants=None,
)

TARGETS = 20
MODELS = 400
"""100 with and 100 without the record in each half, as the research asks. Where nothing leaks, the upper end for 20
targets is then about .65 (.69 with 256 models, .84 with 64: too few for a policy that asks for .70 to pass)."""
FEWEST_MODELS = 16
TREES = 100
THREAT = (
    "An attacker knows how generators are trained and on which other records, holds a synthetic file and one unusual "
    "person's complete record, and asks whether that record was learnt."
)
NOTE = (
    "Measured on {models} small generators trained for this question, not on the generator or the file under audit: "
    "they match the same tables, and neither a chain of conditionals nor a critic comes after them."
)

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Synthesize = Callable[[pd.DataFrame, pd.DataFrame, Flags], Iterator[pd.DataFrame]]
"""(base records, target records, (models, targets) membership) to one synthetic table for each model, in order."""


def not_run(reason: str) -> tuple[Finding, ...]:
    """The finding `shadow.max_auc` of an audit that trained no shadow generators, with the reason."""
    status = FindingStatus.NOT_APPLICABLE
    return (Finding(attack="shadow", statistic="max_auc", status=status, threat=THREAT, note=reason),)


def most_isolated(evidence: Evidence, count: int = TARGETS) -> NDArray[np.intp]:
    """Positions in train of the `count` records under attack that are farthest from all others (B.3)."""
    order = np.argsort(-evidence.near.train_isolation.astype(np.float64), kind="stable")
    chosen: NDArray[np.intp] = evidence.attacked_train[order[:count]]
    return chosen


def shadow(
    tables: AuditTables,
    synthesize: Synthesize,
    targets: NDArray[np.intp],
    *,
    models: int = MODELS,
    rng: np.random.Generator,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[Finding, ...]:
    """One finding, `shadow.max_auc`: the largest AUC of telling generators with a target's record from those without.

    `targets` are positions in `tables.train`; the other records of train are the base. Features of a synthetic table at
    a target: distances to the nearest records, and how many records agree with it on sets of columns (counting
    queries, arXiv 2306.10308; one column at a time they are the histograms at its values). A forest and a logistic
    regression learn from one half of the models and are tested on the other, and the other way round.

    The interval is that of the largest true AUC. Its lower end is the largest of the targets' lower ends at the level
    .025 / targets (Bonferroni). Its upper end needs no correction: it lies above the largest truth whenever that one
    target's own does, so the largest of the uncorrected upper ends does. The value itself, the largest of several
    estimates, lies above the largest truth on average. `details` holds the AUCs sorted, each with its 95 % interval,
    not whose they are, and what the attack makes of one copy of each record planted into the tables of the models that
    learnt it (`planted_*`, of the target where that shows least).

    `progress` is told a stage and the fraction done; what it raises ends the attack. Raises AuditInputError where
    `models` is no multiple of 4 or less than FEWEST_MODELS, where train holds two records of a person, or where the
    synthetic tables are not as many as the models or one is empty or lacks columns.
    """
    report = progress or (lambda _stage, _fraction: None)
    if models < FEWEST_MODELS or models % 4:
        raise AuditInputError(f"expected a multiple of 4 shadow models, {FEWEST_MODELS} at least, got {models}")
    _check_people(tables)
    if not 0 < len(targets) < len(tables.train):
        return not_run(f"There are {len(targets)} records to ask about and {len(tables.train)} in train.")
    is_base = np.ones(len(tables.train), dtype=np.bool_)
    is_base[targets] = False
    base, chosen = tables.train[is_base].reset_index(drop=True), tables.train.iloc[targets].reset_index(drop=True)
    membership = np.stack([rng.permutation(models) < models // 2 for _ in targets], axis=1)
    lens = make_lens(base, chosen, tables, rng)
    seen: list[Views] = []
    for table in synthesize(base, chosen, membership):
        seen.append(lens.look(table))
        report(f"shadow models: {len(seen)} of {models}", 0.9 * len(seen) / models)
    if len(seen) != models:
        raise AuditInputError(f"expected a synthetic table for each of {models} shadow models, got {len(seen)}")
    views = Views(near=np.stack([v.near for v in seen]), counts=np.stack([v.counts for v in seen]))
    found, planted = [], []
    with one_thread():
        for target in range(len(targets)):
            report("shadow models: telling them apart", 0.9 + 0.1 * target / len(targets))
            member, own = membership[:, target], views.of(target)
            seed = int(rng.integers(2**31))
            found.append(_cross_fitted(own, member, lens.widths, seed))
            planted.append(_cross_fitted(own.with_copy(member), member, lens.widths, seed))
    return (_finding(np.array(found), min(planted), models),)


def _check_people(tables: AuditTables) -> None:
    person = tables.schema.with_role(ColumnRole.PERSON)
    if person is not None and bool(tables.train[person].dropna().duplicated().any()):
        raise AuditInputError("expected one record of each person in train, got more: one would stay in the base")


def _cross_fitted(views: Views, member: Flags, widths: Floats, seed: int) -> float:
    """The mean over both halves of the models of the AUC on one by what was learnt on the other."""
    rng = np.random.default_rng(seed)
    halves: list[list[int]] = [[], []]
    for side in (np.flatnonzero(member), np.flatnonzero(~member)):
        shuffled = rng.permutation(side)
        halves[0].extend(shuffled[: len(side) // 2])
        halves[1].extend(shuffled[len(side) // 2 :])
    # Anscombe (1948): the square root of a Poisson count has a variance of about 1/4, whatever its mean.
    features = np.concatenate([np.sqrt(views.counts + 0.375), -views.near], axis=1)
    groups = np.concatenate([np.minimum(widths, 4), np.full(views.near.shape[1], 5)])
    first, second = (np.array(half) for half in halves)
    aucs = []
    for fit, test in ((first, second), (second, first)):
        scores = _scores(features, member, groups, fit, test, seed)
        aucs.append(auc_interval(scores[member[test]], scores[~member[test]]).value)
    return float(np.mean(aucs))


def _scores(
    features: Floats, member: Flags, groups: Floats, fit: NDArray[np.intp], test: NDArray[np.intp], seed: int
) -> Floats:
    """(test models,) how much each looks like one that learnt the record.

    Of two classifiers the mean: a forest on all features, and a logistic regression on the mean standardised feature
    of each group (queries of one, two, three and more columns; distances). A record shows weakly in many counts at
    once, and few models cannot teach a forest to add them up.
    """
    spread = features[fit].std(axis=0)
    scaled = np.clip((features - features[fit].mean(axis=0)) / np.where(spread > 0, spread, 1.0), -10, 10)
    means = np.stack([scaled[:, groups == group].mean(axis=1) for group in np.unique(groups)], axis=1)
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, random_state=seed)
    line = LogisticRegression(C=3.0)
    by_forest: Floats = forest.fit(scaled[fit], member[fit]).predict_proba(scaled[test])[:, 1]
    by_line: Floats = line.fit(means[fit], member[fit]).predict_proba(means[test])[:, 1]
    return by_forest + by_line


def auc_bounds(auc: float, side: int, *, z: float) -> Interval:
    """The interval of an AUC of `side` against `side` scores that holds up in small samples and at 0 and 1.

    The score interval |AUC - t| = z sqrt(V(t)), where V(t) = t (1 - t) (1 + (side - 1) s(t)) / side^2 and
    s(t) = (1 - t) / (2 - t) + t / (1 + t) (Newcombe 2006, Statistics in Medicine 25:559, method 5).
    """

    def lower(value: float) -> float:
        def gap(theta: float) -> float:
            shape = (1 - theta) / (2 - theta) + theta / (1 + theta)
            return value - theta - z * float(np.sqrt(theta * (1 - theta) * (1 + (side - 1) * shape))) / side

        return 0.0 if value <= 0 else float(brentq(gap, 0.0, min(value, 1 - 1e-9)))

    return lower(auc), 1.0 - lower(1.0 - auc)


def _finding(aucs: Floats, planted: float, models: int) -> Finding:
    """Both halves test what the other taught, so their AUCs rise and fall together: each counts as one half alone."""
    side, level = models // 4, 0.025 / len(aucs)
    strict, plain = float(norm.isf(level)), float(norm.isf(0.025))
    value = float(aucs.max())
    ranked: dict[str, float] = {}
    for rank, auc in enumerate(np.sort(aucs)[::-1].tolist(), start=1):
        lower, upper = auc_bounds(auc, side, z=plain)
        ranked |= {f"auc_{rank:02d}": auc, f"auc_{rank:02d}_lower": lower, f"auc_{rank:02d}_upper": upper}
    error = float(np.sqrt((2 * side + 1) / (12 * side * side)))
    return Finding(
        attack="shadow",
        statistic="max_auc",
        value=value,
        baseline=0.5,
        lower=auc_bounds(value, side, z=strict)[0],
        upper=auc_bounds(value, side, z=plain)[1],
        n=len(aucs),
        threat=THREAT,
        minimum_detectable=min(1.0, 0.5 + (strict + float(norm.ppf(0.8))) * error),
        note=NOTE.format(models=models),
        details={
            "models": float(models),
            **ranked,
            "planted_auc": planted,
            "planted_lower": auc_bounds(planted, side, z=strict)[0],
            "planted_upper": auc_bounds(planted, side, z=plain)[1],
        },
    )
