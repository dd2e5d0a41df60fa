"""The two models that predict a target: boosted trees, which learn any relation, and a linear one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from synth.threads import one_thread

ROUNDS = 150
LINEAR_RECORDS = 20_000
LINEAR_STEPS = 200
LINEAR_LEVELS = 30

Matrix = NDArray[np.float64]
Labels = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """Records with their answers: as they are, and in the coding of `frames.feature_matrices`."""

    frame: pd.DataFrame
    matrix: Matrix
    answers: Labels


@dataclass(frozen=True, kw_only=True, slots=True)
class Classified:
    """What a model says of test records."""

    probabilities: Matrix
    """Records x classes; each row sums to 1."""
    predicted: Labels


Classifier = Callable[[Records, list[Records], list[str], int], list[Classified]]
Regressor = Callable[[Records, list[Records], int], list[Matrix]]


def boosted_classes(train: Records, tests: list[Records], classes: list[str], seed: int) -> list[Classified]:
    """Gradient boosting (HistGradientBoostingClassifier)."""
    model = HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=seed)
    with one_thread():
        model.fit(train.matrix, train.answers.astype(str))
        return [_classified(model, test.matrix, classes) for test in tests]


def linear_classes(train: Records, tests: list[Records], classes: list[str], seed: int) -> list[Classified]:
    """Logistic regression on standardised numbers and one-hot categories, on at most 20,000 records."""
    train = _at_most(train, LINEAR_RECORDS, seed)
    model = make_pipeline(_one_hot(train.frame), LogisticRegression(max_iter=LINEAR_STEPS))
    with one_thread(), np.errstate(all="ignore"), warnings.catch_warnings():
        # A fit that stops early is judged like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train.frame, train.answers.astype(str))
        return [_classified(model, test.frame, classes) for test in tests]


def boosted_numbers(train: Records, tests: list[Records], seed: int) -> list[Matrix]:
    """Gradient boosting (HistGradientBoostingRegressor)."""
    model = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=seed)
    with one_thread():
        model.fit(train.matrix, train.answers.astype(np.float64))
        return [np.asarray(model.predict(test.matrix), dtype=np.float64) for test in tests]


def linear_numbers(train: Records, tests: list[Records], seed: int) -> list[Matrix]:
    """Ridge regression on standardised numbers and one-hot categories, on at most 20,000 records."""
    train = _at_most(train, LINEAR_RECORDS, seed)
    model = make_pipeline(_one_hot(train.frame), Ridge())
    with one_thread(), np.errstate(all="ignore"):
        model.fit(train.frame, train.answers.astype(np.float64))
        return [np.asarray(model.predict(test.frame), dtype=np.float64) for test in tests]


CLASSIFIERS: Mapping[str, Classifier] = {"gradient boosting": boosted_classes, "logistic regression": linear_classes}
REGRESSORS: Mapping[str, Regressor] = {"gradient boosting": boosted_numbers, "ridge regression": linear_numbers}


def constant(answer: str, tests: list[Records], classes: list[str]) -> list[Classified]:
    """What a table of one class teaches: nothing. Every class is as likely, and that one is predicted."""
    return [
        Classified(
            probabilities=np.full((len(test.answers), len(classes)), 1 / len(classes)),
            predicted=np.full(len(test.answers), answer, dtype=object),
        )
        for test in tests
    ]


def _at_most(records: Records, most: int, seed: int) -> Records:
    if len(records.answers) <= most:
        return records
    kept = np.random.default_rng(seed).permutation(len(records.answers))[:most]
    return Records(frame=records.frame.iloc[kept], matrix=records.matrix[kept], answers=records.answers[kept])


def _one_hot(frame: pd.DataFrame) -> object:
    numbers = [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name].dtype)]
    texts = [name for name in frame.columns if name not in set(numbers)]
    numeric = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        # Of numbers so large that their variance is none.
        FunctionTransformer(np.nan_to_num),
    )
    words = OneHotEncoder(max_categories=LINEAR_LEVELS, handle_unknown="infrequent_if_exist")
    return make_column_transformer((numeric, numbers), (words, texts))


def _classified(model: object, x: object, classes: list[str]) -> Classified:
    """Classes that the model does not know are as good as impossible; those that it alone knows count for nothing."""
    found, known = model.predict_proba(x), model.classes_  # type: ignore[attr-defined]
    probabilities = np.full((len(found), len(classes)), 1e-9)
    place = {label: i for i, label in enumerate(classes)}
    for j, label in enumerate(known):
        if label in place:
            probabilities[:, place[label]] += found[:, j]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Classified(probabilities=probabilities, predicted=known[found.argmax(axis=1)].astype(object))
