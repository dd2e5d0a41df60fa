"""What more records of a rare class bring to models that predict it, beside what they bring by other means.

Each model is trained on the real records of train, on the synthetic table, and on train with more records of the class
up to the wanted share: synthetic ones, as many real ones repeated at random, and as many that SMOTE makes (Chawla et
al. 2002; SMOTE-NC for tables with categories, by imbalanced-learn where that is installed). All are tested on the same
real records of the holdout, in the shares that they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import MISSING_LABEL, Part, Tables, align, draw, feature_matrices
from synth.fidelity.learners import CLASSIFIERS, Records
from synth.fidelity.metrics import Measure, between
from synth.table.mix import more_of
from synth.table.schema import TableSchema

CLASSES = ["no", "yes"]
FEWEST_OF_CLASS = 20
"""Of train and of holdout."""
MOST_RECORDS = 50_000
"""Of each table, at most: of the tested ones there are arrays of all draws of the bootstrap."""
DRAWS = 200
"""Of the bootstrap over tested records, class by class."""
NEIGHBOURS = 5
NO_SMOTE = "imbalanced-learn is not installed"
METRICS = ("auc", "average_precision", "f1")
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """Which records are of the class."""

    column: str
    value: str
    train: Mask
    holdout: Mask
    synthetic: Mask


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One score of one model by what it was trained on; text says why an arm has none."""

    model: str
    metric: str
    arms: Mapping[str, Measure | str]
    gain: Measure
    """`both` minus `real`, on the same tested records"""

    @property
    def outcome(self) -> str:
        """Whether the interval of the gain lies above 0, below or across."""
        if self.gain.lower > 0:
            return "gain"
        return "loss" if self.gain.upper < 0 else "cannot_be_told"

    def to_json(self) -> dict[str, object]:
        """The scores as JSON values."""
        arms = {n: {"reason": each} if isinstance(each, str) else each.to_json() for n, each in self.arms.items()}
        return {
            "model": self.model,
            "metric": self.metric,
            **arms,
            "gain": self.gain.to_json(),
            "outcome": self.outcome,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """What more records of a class bring."""

    column: str
    value: str
    asked: float
    """The share that the class was to have"""
    real: float
    """The one that it has among all records of train, those without a value in the column included"""
    added: int
    """Records of the class that each arm puts to the real ones: as many as it takes, or as the synthetic table has"""
    reached: float
    """The share that the class then has among the records that models learn from"""
    holdout: int
    """Tested records of the class"""
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, object]:
        """The scores as JSON values."""
        return {
            "column": self.column,
            "value": self.value,
            "asked": self.asked,
            "real": self.real,
            "added": self.added,
            "reached": self.reached,
            "holdout": self.holdout,
            "rows": [row.to_json() for row in self.rows],
        }


def augmentation(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    wanted: Class,
    share: float,
    rng: np.random.Generator,
) -> Augmentation | Part:
    """The scores of two models, or why there are none. Records without a value in the column are left out.

    Raises TableError as `align` does.
    """
    tables = align(train, holdout, synthetic, schema)
    features = tuple(column for column in tables.columns if column != wanted.column)
    if not features:
        return Part(reason="There is no column beside that of the class.")
    real, tested, made = (
        _known(frame, mask, wanted.column, features, rng)
        for frame, mask in (
            (tables.train, wanted.train),
            (tables.holdout, wanted.holdout),
            (tables.synthetic, wanted.synthetic),
        )
    )
    fewest = min(int(side[1].sum()) for side in (real, tested, made))
    if fewest < FEWEST_OF_CLASS or min(int((~side[1]).sum()) for side in (real, tested, made)) < FEWEST_OF_CLASS:
        return Part(reason=f"Fewer than {FEWEST_OF_CLASS} records of the class, or beside it, in one of the tables.")
    arms = _arms(real, made, share, tables, rng)
    rows = _scored(arms, tested, tables, int(rng.integers(2**31)))
    both = _made_of(arms["both"])
    return Augmentation(
        column=wanted.column,
        value=wanted.value,
        asked=share,
        real=float(wanted.train.mean()),
        added=len(both) - len(real[1]),
        reached=float(both.mean()),
        holdout=int(tested[1].sum()),
        rows=tuple(rows),
    )


Side = tuple[pd.DataFrame, Mask]
"""Features of records, and which of them are of the class."""


def _made_of(side: Side | str) -> Mask:
    return np.zeros(0, dtype=bool) if isinstance(side, str) else side[1]


def _known(frame: pd.DataFrame, mask: Mask, column: str, features: tuple[str, ...], rng: np.random.Generator) -> Side:
    there = (frame[column].notna() & (frame[column] != MISSING_LABEL)).to_numpy()
    some = draw(pd.DataFrame({"place": np.flatnonzero(there)}), MOST_RECORDS, rng)["place"].to_numpy()
    return frame[list(features)].iloc[some].reset_index(drop=True), mask[some]


def _arms(real: Side, made: Side, share: float, tables: Tables, rng: np.random.Generator) -> dict[str, Side | str]:
    """What models are trained on, or why not. Whatever more of the class there is, each arm has as much of it."""
    frame, is_class = real
    places = np.flatnonzero(is_class)
    own = made[0][made[1]]
    # an arm with more records than another would win or lose by their number
    more = min(more_of(len(places), len(is_class), share), len(own))
    kept = draw(own.reset_index(drop=True), more, rng)
    repeated = frame.iloc[rng.choice(places, size=more)]
    smote = _smote(frame, is_class, more, tables, int(rng.integers(2**31)))
    return {
        "real": real,
        "synthetic": made,
        "both": _joined(real, kept),
        "oversampled": _joined(real, repeated),
        "smote": smote if isinstance(smote, str) else _joined(real, smote),
    }


def _joined(real: Side, more: pd.DataFrame) -> Side:
    frame = pd.concat([real[0], more], ignore_index=True)
    return frame, np.concatenate([real[1], np.ones(len(more), dtype=bool)])


def _smote(frame: pd.DataFrame, is_class: Mask, more: int, tables: Tables, seed: int) -> pd.DataFrame | str:
    """Records of the class that SMOTE makes. It knows no missing numbers: they are medians for it."""
    if find_spec("imblearn") is None:
        return NO_SMOTE
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC  # noqa: PLC0415 - an extra

    texts = [name for name in frame if name in set(tables.categories)]
    numbers = [name for name in frame if name not in set(texts)]
    filled = frame.assign(**{str(name): frame[name].fillna(frame[name].median()).fillna(0.0) for name in numbers})
    filled = filled.assign(**{str(name): filled[name].astype(str) for name in texts})
    wanted = {True: int(is_class.sum()) + more}
    said = {"sampling_strategy": wanted, "random_state": seed, "k_neighbors": NEIGHBOURS}
    if not texts:
        maker = SMOTE(**said)
    elif not numbers:
        maker = SMOTEN(**said)
    else:
        maker = SMOTENC(categorical_features=texts, **said)
    if more == 0:
        return frame.iloc[:0]
    found, _ = maker.fit_resample(filled, is_class)
    table: pd.DataFrame = found.iloc[len(frame) :].astype(frame.dtypes.to_dict())
    return table


def _scored(arms: Mapping[str, Side | str], tested: Side, tables: Tables, seed: int) -> list[Row]:
    rows = []
    draws = _draws(tested[1], np.random.default_rng(seed))
    for name, learn in CLASSIFIERS.items():
        scores: dict[str, NDArray[np.float64] | str] = {}
        for arm, side in arms.items():
            if isinstance(side, str):
                scores[arm] = side
                continue
            features = tuple(str(each) for each in side[0].columns)
            matrices = feature_matrices((side[0], tested[0]), features, tables.categories)
            learnt, test = (
                Records(frame=frame, matrix=matrix, answers=np.where(mask, "yes", "no").astype(object))
                for (frame, mask), matrix in zip((side, tested), matrices, strict=True)
            )
            (told,) = learn(learnt, [test], CLASSES, seed)
            scores[arm] = _values(tested[1], told.probabilities[:, 1], draws)
        for place, metric in enumerate(METRICS):
            rows.append(_row(name, metric, {n: s if isinstance(s, str) else s[:, place] for n, s in scores.items()}))
    return rows


def _draws(is_class: Mask, rng: np.random.Generator) -> NDArray[np.float64]:
    """(1 + DRAWS, records) how often each tested record counts: once, and then as often as a bootstrap draws it.

    Each has as many of the class.
    """
    found = np.ones((1 + DRAWS, len(is_class)))
    for side in (np.flatnonzero(is_class), np.flatnonzero(~is_class)):
        found[1:, side] = rng.multinomial(len(side), np.full(len(side), 1 / len(side)), size=DRAWS)
    return found


def _values(is_class: Mask, probability: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + DRAWS, 3) AUC, average precision and F1 of the class, as scikit-learn has them, for all draws at once."""
    order = np.argsort(-probability, kind="stable")
    scores, truth = probability[order], is_class[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of records with the same score
    counted = draws[:, order]
    found, false = (np.cumsum(counted * side, axis=1)[:, last] for side in (truth, ~truth))
    gained = np.diff(found, axis=1, prepend=0.0) / found[:, -1:]
    missed = np.diff(false, axis=1, prepend=0.0) / false[:, -1:]
    reached = found / found[:, -1:]
    auc = (missed * (reached - gained / 2)).sum(axis=1)
    precision = np.divide(found, found + false, out=np.zeros_like(found), where=found + false > 0)
    said = draws * (probability > 0.5)
    hits = (said * is_class).sum(axis=1)
    f1 = 2 * hits / (said.sum(axis=1) + (draws * is_class).sum(axis=1))
    return np.stack([auc, (gained * precision).sum(axis=1), f1], axis=1)


def _row(model: str, metric: str, scores: Mapping[str, NDArray[np.float64] | str]) -> Row:
    real, both = scores["real"], scores["both"]
    assert not isinstance(real, str) and not isinstance(both, str)  # noqa: S101, PT018 - both need nothing
    arms = {name: each if isinstance(each, str) else _measure(each) for name, each in scores.items()}
    return Row(model=model, metric=metric, arms=arms, gain=_measure(both - real))


def _measure(values: NDArray[np.float64]) -> Measure:
    """The score of all records, which comes first, with the interval of those of the bootstrap."""
    return between(float(values[0]), values[1:])
