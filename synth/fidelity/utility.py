"""TSTR: does a model trained on the synthetic table do as well on real holdout records as one trained on real ones?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import f1_score, r2_score, roc_auc_score

from synth.fidelity.frames import MISSING_LABEL, Part, Tables, draw, feature_matrices
from synth.table.schema import ColumnRole, TableSchema
from synth.threads import one_thread

FEWEST_RECORDS = 50
MOST_RECORDS = 100_000
MOST_CLASSES = 50
ROUNDS = 150

Matrix = NDArray[np.float64]
Labels = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Utility:
    """Scores on holdout of one model trained on real (TRTR) and one on synthetic records (TSTR)."""

    target: str
    task: str
    """`classification` (AUC, one against the rest if there are several classes, and macro F1) or `regression` (R2)."""
    real: dict[str, float]
    """TRTR, by the name of the score."""
    synthetic: dict[str, float]
    """TSTR, by the name of the score."""

    def to_json(self) -> dict[str, object]:
        """The scores as JSON values."""
        return {
            "target": self.target,
            "task": self.task,
            "real": dict(self.real),
            "synthetic": dict(self.synthetic),
        }


def utility(tables: Tables, schema: TableSchema, rng: np.random.Generator) -> Utility | Part:
    """TSTR against TRTR with gradient boosting (Esteban, Hyland & Rätsch 2017), if the schema names a target."""
    target = schema.with_role(ColumnRole.TARGET)
    if target is None:
        return Part(reason="The schema names no target.")
    features = tuple(column for column in tables.columns if column != target)
    if not features:
        return Part(reason="There is no column beside the target.")
    gap = MISSING_LABEL if target in tables.categories else None
    frames = [
        draw(frame[frame[target].notna() & (frame[target] != gap)].reset_index(drop=True), MOST_RECORDS, rng)
        for frame in (tables.train, tables.holdout, tables.synthetic)
    ]
    if min(len(frame) for frame in frames) < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records with a known target in one of the tables.")
    train, holdout, synthetic = feature_matrices(tuple(frames), features, tables.categories)
    seed = int(rng.integers(2**31))
    answers = [frame[target].to_numpy() for frame in frames]
    if target in tables.categories:
        classes = sorted(set(answers[1]))
        if not 2 <= len(classes) <= MOST_CLASSES:
            return Part(reason=f"Expected 2 to {MOST_CLASSES} classes of the target in holdout, got {len(classes)}.")
        scores = [
            _classify(x, y, holdout, answers[1], classes, seed)
            for x, y in ((train, answers[0]), (synthetic, answers[2]))
        ]
        task = "classification"
    else:
        if np.ptp(answers[1].astype(np.float64)) == 0:
            return Part(reason="The target is constant in holdout.")
        scores = [_regress(x, y, holdout, answers[1], seed) for x, y in ((train, answers[0]), (synthetic, answers[2]))]
        task = "regression"
    return Utility(target=target, task=task, real=scores[0], synthetic=scores[1])


def _classify(
    x: Matrix, y: Labels, x_holdout: Matrix, y_holdout: Labels, classes: list[str], seed: int
) -> dict[str, float]:
    """AUC and macro F1. A table with one class only teaches nothing: its AUC is one half."""
    probabilities = np.full((len(x_holdout), len(classes)), 1e-9)
    if len(set(y)) < 2:
        predicted: Labels = np.full(len(x_holdout), y[0], dtype=object)
    else:
        kept = _largest_classes(y)
        model = HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=seed)
        with one_thread():
            model.fit(x[kept], y[kept].astype(str))
        position = {label: i for i, label in enumerate(classes)}
        found = model.predict_proba(x_holdout)
        for j, label in enumerate(model.classes_):
            if label in position:
                probabilities[:, position[label]] += found[:, j]
        predicted = model.predict(x_holdout)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    if len(classes) == 2:
        auc = roc_auc_score(y_holdout == classes[1], probabilities[:, 1])
    else:
        auc = roc_auc_score(y_holdout.astype(str), probabilities, multi_class="ovr", average="macro", labels=classes)
    f1 = f1_score(y_holdout.astype(str), predicted.astype(str), average="macro", zero_division=0)
    return {"auc": float(auc), "macro_f1": float(f1)}


def _largest_classes(y: Labels) -> NDArray[np.bool_]:
    """Records of the most frequent classes; one tree per class and round makes hundreds of them a matter of hours."""
    labels, inverse, counts = np.unique(y.astype(str), return_inverse=True, return_counts=True)
    kept = np.zeros(len(labels), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[: 2 * MOST_CLASSES]] = True
    # Early stopping holds out a stratified tenth, which takes two records of each class.
    kept &= (counts >= 2) | (counts.max() < 2)
    chosen: NDArray[np.bool_] = kept[inverse]
    return chosen


def _regress(x: Matrix, y: Labels, x_holdout: Matrix, y_holdout: Labels, seed: int) -> dict[str, float]:
    model = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=seed)
    with one_thread():
        model.fit(x, y.astype(np.float64))
    return {"r2": float(r2_score(y_holdout.astype(np.float64), model.predict(x_holdout)))}
