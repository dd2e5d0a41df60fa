"""Is the synthetic table as good to learn from as the real one? Two models, trained on either and tested on either."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity import metrics
from synth.fidelity.frames import MISSING_LABEL, Part, Tables, draw, feature_matrices
from synth.fidelity.learners import CLASSIFIERS, REGRESSORS, Classified, Classifier, Records, constant
from synth.fidelity.metrics import Measure
from synth.table.schema import ColumnRole, TableSchema

FEWEST_RECORDS = 50
MOST_RECORDS = 100_000
MOST_CLASSES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelScores:
    """One score of one model."""

    model: str
    metric: str
    """`auc` (one against the rest if there are several classes), `macro_f1` or `r2`."""
    trtr: Measure | None
    """Trained on train, tested on holdout: what real records reach."""
    tstr: Measure | None
    """Trained on as many synthetic records, tested on holdout."""
    trts: Measure | None
    """Trained on train, tested on as many synthetic records as holdout has. None where a score is not defined."""

    def to_json(self) -> dict[str, object]:
        """The scores with their intervals."""
        named = {"trtr": self.trtr, "tstr": self.tstr, "trts": self.trts}
        found = {name: None if each is None else each.to_json() for name, each in named.items()}
        return {"model": self.model, "metric": self.metric, **found}


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """Holdout records, and whether a boosted model trained on real or on synthetic ones was right about each."""

    holdout: pd.DataFrame
    trtr: NDArray[np.bool_]
    tstr: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Utility:
    """Scores of models trained on real and on synthetic records. `real` and `synthetic` are those of boosting."""

    target: str
    task: str
    """`classification` or `regression`."""
    models: tuple[ModelScores, ...]
    trained_on: int
    """Records of train, and of synthetic."""
    tested_on: tuple[int, int]
    """Records of holdout, and of synthetic."""
    predicted: Predicted | None = field(default=None, repr=False)
    """Of classification alone."""

    @property
    def real(self) -> dict[str, float]:
        """TRTR of gradient boosting, by the name of the score."""
        return {each.metric: each.trtr.value for each in self._boosted if each.trtr is not None}

    @property
    def synthetic(self) -> dict[str, float]:
        """TSTR of gradient boosting, by the name of the score."""
        return {each.metric: each.tstr.value for each in self._boosted if each.tstr is not None}

    @property
    def _boosted(self) -> list[ModelScores]:
        return [each for each in self.models if each.model == self.models[0].model]

    def to_json(self) -> dict[str, object]:
        """The scores as JSON values."""
        return {
            "target": self.target,
            "task": self.task,
            "real": self.real,
            "synthetic": self.synthetic,
            "models": [each.to_json() for each in self.models],
            "trained_on": self.trained_on,
            "tested_on": {"holdout": self.tested_on[0], "synthetic": self.tested_on[1]},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trial:
    """Records to train on and to test on."""

    real: Records
    synthetic: Records
    holdout: Records
    synthetic_test: Records


def utility(tables: Tables, schema: TableSchema, rng: np.random.Generator) -> Utility | Part:
    """TSTR and TRTS against TRTR (Esteban, Hyland & Rätsch 2017) with two models, if the schema names a target.

    Real and synthetic records are as many, to train on and to test on. Intervals are over test records.
    """
    target = schema.with_role(ColumnRole.TARGET)
    if target is None:
        return Part(reason="The schema names no target.")
    features = tuple(column for column in tables.columns if column != target)
    if not features:
        return Part(reason="There is no column beside the target.")
    trial = _trial(tables, target, features, rng)
    if trial is None:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records with a known target in one of the tables.")
    seed = int(rng.integers(2**31))
    predicted = None
    if target in tables.categories:
        classes = sorted(set(trial.holdout.answers))
        if not 2 <= len(classes) <= MOST_CLASSES:
            return Part(reason=f"Expected 2 to {MOST_CLASSES} classes of the target in holdout, got {len(classes)}.")
        models, predicted = _classification(trial, target, classes, seed)
    else:
        if np.ptp(trial.holdout.answers.astype(np.float64)) == 0:
            return Part(reason="The target is constant in holdout.")
        models = _regression(trial, seed)
    return Utility(
        target=target,
        task="regression" if predicted is None else "classification",
        models=tuple(models),
        trained_on=len(trial.real.answers),
        tested_on=(len(trial.holdout.answers), len(trial.synthetic_test.answers)),
        predicted=predicted,
    )


def _trial(tables: Tables, target: str, features: tuple[str, ...], rng: np.random.Generator) -> _Trial | None:
    gap = MISSING_LABEL if target in tables.categories else None
    train, holdout, synthetic = (
        draw(frame[frame[target].notna() & (frame[target] != gap)].reset_index(drop=True), MOST_RECORDS, rng)
        for frame in (tables.train, tables.holdout, tables.synthetic)
    )
    if min(len(frame) for frame in (train, holdout, synthetic)) < FEWEST_RECORDS:
        return None
    n = min(len(train), len(synthetic))
    frames = (draw(train, n, rng), draw(synthetic, n, rng), holdout, draw(synthetic, len(holdout), rng))
    matrices = feature_matrices(frames, features, tables.categories)
    real, learnt, tested, other = (
        Records(frame=frame[list(features)], matrix=matrix, answers=frame[target].to_numpy())
        for frame, matrix in zip(frames, matrices, strict=True)
    )
    return _Trial(real=real, synthetic=learnt, holdout=tested, synthetic_test=other)


def _classification(trial: _Trial, target: str, classes: list[str], seed: int) -> tuple[list[ModelScores], Predicted]:
    found: list[ModelScores] = []
    rights: list[NDArray[np.bool_]] = []
    for name, learn in CLASSIFIERS.items():
        trtr, trts = _learnt(learn, trial.real, [trial.holdout, trial.synthetic_test], classes, seed)
        (tstr,) = _learnt(learn, trial.synthetic, [trial.holdout], classes, seed)
        told = ((trtr, trial.holdout), (tstr, trial.holdout), (trts, trial.synthetic_test))
        rng = np.random.default_rng(seed)
        aucs = [metrics.auc(test.answers, each.probabilities, classes) for each, test in told]
        f1s = [metrics.macro_f1(test.answers, each.predicted, rng) for each, test in told]
        for metric, (a, b, c) in (("auc", aucs), ("macro_f1", f1s)):
            found.append(ModelScores(model=name, metric=metric, trtr=a, tstr=b, trts=c))
        rights += [each.predicted == trial.holdout.answers for each in (trtr, tstr)]
    whole = trial.holdout.frame.assign(**{target: trial.holdout.answers})
    return found, Predicted(holdout=whole, trtr=rights[0], tstr=rights[1])


def _learnt(learn: Classifier, train: Records, tests: list[Records], classes: list[str], seed: int) -> list[Classified]:
    if len(set(train.answers)) < 2:
        return constant(str(train.answers[0]), tests, classes)
    kept = _largest_classes(train.answers)
    some = Records(frame=train.frame[kept], matrix=train.matrix[kept], answers=train.answers[kept])
    return learn(some, tests, classes, seed)


def _largest_classes(y: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Records of the most frequent classes; one tree per class and round makes hundreds of them a matter of hours."""
    labels, inverse, counts = np.unique(y.astype(str), return_inverse=True, return_counts=True)
    kept = np.zeros(len(labels), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[: 2 * MOST_CLASSES]] = True
    # Early stopping holds out a stratified tenth, which takes two records of each class.
    kept &= (counts >= 2) | (counts.max() < 2)
    chosen: NDArray[np.bool_] = kept[inverse]
    return chosen


def _regression(trial: _Trial, seed: int) -> list[ModelScores]:
    found = []
    for name, learn in REGRESSORS.items():
        trtr, trts = learn(trial.real, [trial.holdout, trial.synthetic_test], seed)
        (tstr,) = learn(trial.synthetic, [trial.holdout], seed)
        rng = np.random.default_rng(seed)
        scores = [
            metrics.r2(test.answers.astype(np.float64), told, rng)
            for told, test in ((trtr, trial.holdout), (tstr, trial.holdout), (trts, trial.synthetic_test))
        ]
        found.append(ModelScores(model=name, metric="r2", trtr=scores[0], tstr=scores[1], trts=scores[2]))
    return found
