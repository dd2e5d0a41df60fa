"""Fits what replaces the values of a column that is not learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from synth.encode.check_digits import check_places, find_check, without_check_digits
from synth.encode.personas import Personas, style_of
from synth.encode.shapes import HEX, fit_shapes, shape_of
from synth.encode.surrogate import DTYPES, WRITTEN_BY, Surrogate, unwrapped
from synth.written.surrogate import Replaced, SurrogateForm


def fit_surrogate(  # noqa: PLR0913 - all of it is known of the table alone
    column: pd.Series,
    form: SurrogateForm | None,
    rng: np.random.Generator,
    *,
    min_count: int,
    personas: Personas | None,
    taken: pd.Series | None = None,
    distinct: float | None = None,
    offset: int = 0,
) -> Surrogate:
    """What replaces the values of an identifier column. `taken` are further values that must not come out.

    `distinct` is how many distinct values there are to be for each record; as many as in the column where it is None.
    `personas` give names and addresses, the first of them the person numbered `offset`.
    """
    form = form or SurrogateForm(of=Replaced.CODE)
    present = column.dropna()
    whole = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    texts = _texts(present, whole=whole)
    known = list(dict.fromkeys(texts))
    others = [] if taken is None else list(dict.fromkeys(_texts(taken.dropna(), whole=whole)))
    share = len(known) / len(texts) if texts else 1.0
    dtype = (str(column.dtype) if str(column.dtype) in DTYPES else "int64") if whole else "object"
    made = Surrogate(
        name=str(column.name),
        dtype=dtype,
        of=form.of,
        distinct=share if distinct is None else distinct,
        longest=max(map(len, [*known, *others]), default=1),
        refers_to=form.refers_to,
        offset=offset,
    )
    if form.of is Replaced.TEXT and not whole:
        return made
    if form.of in WRITTEN_BY and personas is not None and not whole:
        return replace(made, personas=personas, style=style_of(form.of, known[:500]))
    digits = form.of in {Replaced.CARD, Replaced.PHONE, Replaced.NATIONAL_ID, Replaced.IBAN, Replaced.DEVICE}
    of = Replaced.CODE if form.of in WRITTEN_BY or (whole and not digits) else form.of
    return _coded(replace(made, of=of), known, others, rng, min_count, whole=whole)


def _texts(present: pd.Series, *, whole: bool) -> list[str]:
    return [str(int(value)) for value in present] if whole else [str(value) for value in present]


def _coded(
    made: Surrogate, distinct: list[str], others: list[str], rng: np.random.Generator, least: int, *, whole: bool
) -> Surrogate:
    """With the shapes of the codes, and their check digits."""
    if made.of in (Replaced.IP, Replaced.URL, Replaced.MAC):
        signs = 8 if made.of is Replaced.URL else 6
        shape = shape_of((HEX[0],) * signs, [unwrapped(text, made.of) for text in (*distinct, *others)], rng)
        return replace(made, shapes=() if shape is None else (shape,), style=f"{made.name}-")
    check = find_check(made.of, distinct)
    learnt = [without_check_digits(text, check) for text in distinct] if check else distinct
    barred = [without_check_digits(text, check) for text in others] if check else others
    shapes = fit_shapes(
        list(dict.fromkeys(learnt)),
        rng,
        least=least,
        whole=whole,
        taken=barred,
        fixed=lambda text: check_places(text, check) if check else (),
    )
    if not shapes and whole:
        # too few to tell a shape: numbers of one digit more than any
        digits = len(str(10 ** max(made.longest, 5)))
        fresh = [str(n) for n in range(10 ** (digits - 1), 10 ** (digits - 1) + 9)]
        shapes = fit_shapes(fresh, rng, least=1, whole=True, taken=barred)
    prefix = f"{made.name}-"
    while any(text.startswith(prefix) for text in (*distinct, *others)):
        prefix = f"synthetic-{prefix}"
    return replace(made, shapes=shapes, check=check, style=prefix)
