"""Changes one factor of given records, and lets what hangs together with it follow, as little as needed.

Column after column is drawn given those before it (`synth.uses.autoregressive`), in the record as it was and as it is
to be. Where a value is as likely given what has changed so far as given what was there it stays; where it is less
likely, it stays with the ratio of the two, and is drawn anew from what has become likelier otherwise. Each step is a
maximal coupling (Thorisson 2000, section 1.4) of two conditionals of a Rosenblatt transformation (Rosenblatt 1952). So
records that follow the old distribution follow the new one afterwards, all columns jointly, and in each step as few
values as possible differ. What follows is association in the table that was learnt, not cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.base import Allowed, Codebook, Conditional, Records, draw_allowed
from synth.chain.dependency import Dependency
from synth.conditions import allowed_by, by_sources, met
from synth.derived import derived_of, range_asked, ranges_asked
from synth.encode.presence import meets
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.steps import Same, Snap
from synth.encode.table_encoder import TableEncoder
from synth.errors import ConditionError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.ranges import Condition, Presence, Range
from synth.table.schema import ColumnSpec
from synth.table.values import column_values
from synth.uses.autoregressive import autoregression, one_group
from synth.uses.partial import completed, read_partial, redraws_none

ATTEMPTS = 40
"""Draws for a value that does not stay; after so many the last one is taken."""
LEARNING = 0.8
"""Share of the time in which trees are grown, about."""


def change(
    model: TrainedModel,
    table: pd.DataFrame,
    to: Mapping[str, Condition],
    rng: Rng,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """The records of `table` as they would be if their columns were as `to` asks, one changed record for each.

    Cells that do not change are the table's own, so the result is no synthetic data unless the table is.
    `progress` is told the fraction done. Raises
    ConditionError where nothing is asked for or the model may emit nothing of it, and TableError where the table does
    not fit the model's schema or has categories that it may not emit, or where the model redraws no column.
    """
    if not to:
        raise ConditionError("expected a column to set, got none")
    # what is set stays as it is set, also near another column's number that it is often the same as
    own_values = model.encoder.rules.apart_from_others(to.keys())
    model = replace(model, encoder=replace(model.encoder, rules=own_values))
    partial = read_partial(model, table, rng, deduce=False)
    book = model.codebook()
    names = [column.name for column in model.encoder.encoders]
    own = _own(model.encoder, to)
    plain, derived = derived_of(model.encoder, {name: each for name, each in to.items() if name not in own})
    if derived is not None:
        raise _ruled(model.encoder.rules, (*derived.wanted, *derived.blanked))
    asked = allowed_by(model.encoder, {**plain, **own})
    allowed, skipped = by_sources(asked, model.chain.dependencies, book.layout, names)
    links = model.chain.links(book, skipped)
    if all(link.column is None for link in links):
        raise redraws_none()
    # a value beyond the range of the model is coded as its end, and is not what was asked for all the same
    unlike = {name: ~_as_asked(model.encoder.schema[name], partial.table[name], each) for name, each in to.items()}
    coded = met(partial.codes, partial.residuals, allowed, book.layout).numpy()
    others = torch.from_numpy(np.flatnonzero(~coded | np.logical_or.reduce([*unlike.values()])))
    codes, residuals = partial.codes.clone(), partial.residuals.clone()
    if len(others):
        before = Records.of(codes[others], one_group(book), residuals=residuals[others])
        after = _changed(model, before, allowed, links, rng, progress)
        codes[others], residuals[others] = after.codes(), after.residuals
    same = (codes == partial.codes).numpy()
    stays = {name: same[:, i] & _kept(i, book, residuals, partial.residuals) for i, name in enumerate(names)}
    stays |= {name: stays[name] & ~each for name, each in unlike.items() if name in stays}
    kept = replace(partial, given=partial.table.notna().assign(**_stored(model.encoder.rules, stays)))
    return completed(model, kept, codes, residuals, rng, fixed=to)


def _as_asked(spec: ColumnSpec, column: pd.Series, asked: Condition) -> NDArray[np.bool_]:
    """(records,) whether the column's numbers or dates are as is asked; of other columns codes say all there is."""
    if not spec.kind.is_quantity or isinstance(asked, Presence):
        return np.ones(len(column), dtype=np.bool_)
    values = pd.Series(column_values(column, spec), name=spec.name)
    found: NDArray[np.bool_] = np.any([meets(values, each) for each in ranges_asked(spec, asked)], axis=0)
    return found


def _changed(
    model: TrainedModel,
    before: Records,
    allowed: Mapping[int, Allowed],
    links: tuple[Conditional, ...],
    rng: Rng,
    progress: Callable[[float], None] | None,
) -> Records:
    """The records as they are to be: what is `allowed` of columns, and the rest coupled with `before`."""
    told = progress or (lambda _: None)
    drawn = {link.column for link in links if link.column is not None}
    by = autoregression(model, allowed, drawn, links, rng.spawn("autoregression"), lambda done: told(LEARNING * done))
    random, after = rng.spawn("records").torch(), before.take(torch.arange(before.count))
    looked_up = [link for link in links if isinstance(link, Dependency)]
    with torch.inference_mode():
        for column in sorted(allowed.keys() - {link.column for link in by}):
            _set_by_frequency(column, after, allowed[column], random)
        for number, link in enumerate((*by, *looked_up), start=1):
            if link.column in allowed:
                _set(link, after, allowed, random)
            else:
                _follow(link, before, after, random)
            told(LEARNING + (1 - LEARNING) * number / (len(by) + len(looked_up)))
        _place(links, before, after, allowed, random)
    return after


def _own(encoder: TableEncoder, to: Mapping[str, Condition]) -> dict[str, Condition]:
    """What is asked of columns that are often the same as others: they become values of their own."""
    same = {name: asked for name, asked in to.items() if isinstance(encoder.rules.replaced.get(name), Same)}
    return {
        n: range_asked(encoder.schema[n], each) if isinstance(each, str | Range) else each for n, each in same.items()
    }


def _ruled(rules: RulePlan, names: Sequence[str]) -> ConditionError:
    """Says of columns which others decide them."""
    said = []
    for name in names:
        sources = {source for step in rules.steps if name in step.columns for source in step.sources}
        others = (
            f" that follows from {', '.join(map(repr, sorted(sources)))}" if sources else " whose values a rule limits"
        )
        said.append(f"column {name!r}: expected one that no rule decides, got one{others}")
    return ConditionError(f"{'; '.join(said)}: set other columns, or train without the rule")


def _stored(rules: RulePlan, stays: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Which cells stay, by column as it is stored: one that follows from others stays where all of these do."""
    found = dict(stays)
    for step in rules.steps:
        if isinstance(step, Snap):
            continue  # its column is learnt as it is
        own = [stays[name] for name in step.columns if name in stays] + [found[n] for n in step.sources if n in found]
        for name in step.columns if own else ():
            found[name] = np.all(own, axis=0)
    return found


def _kept(column: int, book: Codebook, after: Tensor, before: Tensor) -> NDArray[np.bool_]:
    """(n,) whether a value of the same code is the record's own: its residual is as well, by (n, R) of both."""
    places = book.layout.residual_columns.tolist()
    if column not in places:
        return np.ones(len(after), dtype=bool)
    place = places.index(column)
    same: NDArray[np.bool_] = (after[:, place] == before[:, place]).numpy()
    return same


def _set(link: Conditional, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> None:
    """The link's column becomes as is allowed, in the records in which it is not."""
    column = link.column
    assert column is not None  # noqa: S101 - residuals are drawn elsewhere
    own, meets = records.ranks[column].clone(), allowed[column].shares[records.code(column)] > 0
    link.draw(records, allowed, random)
    records.put(column, torch.where(meets, own, records.ranks[column]))


def _set_by_frequency(column: int, records: Records, allowed: Allowed, random: torch.Generator) -> None:
    """The same of a column without a link, by how frequent the allowed codes are."""
    start, codes = int(records.book.layout.starts[column]), records.code(column)
    counts = records.book.counts[start : start + len(allowed.shares)].double()
    drawn = draw_allowed(counts.expand(records.count, -1), allowed.shares, random)
    records.put(column, records.rank_of(column, torch.where(allowed.shares[codes] > 0, codes, drawn)))


def _follow(link: Conditional, before: Records, after: Records, random: torch.Generator) -> None:
    """Redraws the link's column of `after` by a maximal coupling with what the link says of `before`."""
    column = link.column
    assert column is not None  # noqa: S101 - residuals are drawn elsewhere
    own = before.ranks[column].clone()
    old, new = link.log_prob(before), _of(link, after, own)
    stays = torch.log(torch.rand(after.count, generator=random, dtype=torch.float64)) <= new - old
    stays |= torch.isneginf(old)  # what the chain never draws says nothing of how likely it has become
    found = torch.where(stays, own, -1)
    for attempt in range(ATTEMPTS):
        some = torch.nonzero(found < 0)[:, 0]
        if not len(some):
            break
        part = after.take(some)
        link.draw(part, {}, random)
        drawn = part.ranks[column].clone()
        after_prob, before_prob = link.log_prob(part), _of(link, before.take(some), drawn)
        chance = torch.log(torch.rand(len(some), generator=random, dtype=torch.float64))
        # taken where it has become likelier, by how much of it is new
        taken = (chance > before_prob - after_prob) | (attempt == ATTEMPTS - 1)
        found[some[taken]] = drawn[taken]
    after.put(column, found)


def _of(link: Conditional, records: Records, ranks: Tensor) -> Tensor:
    """(B,) log-likelihoods of these ranks of the link's column; the records are as they were afterwards."""
    column = link.column
    assert column is not None  # noqa: S101
    kept = records.ranks[column].clone()
    records.put(column, ranks)
    found = link.log_prob(records)
    records.put(column, kept)
    return found


def _place(
    links: tuple[Conditional, ...],
    before: Records,
    after: Records,
    allowed: Mapping[int, Allowed],
    random: torch.Generator,
) -> None:
    """Draws residuals of values whose code has changed; others keep theirs, where that is allowed."""
    own, book = after.residuals, after.book
    same = after.ranks[:-1] == before.ranks[:-1]
    for column, each in allowed.items():
        places = book.layout.residual_columns.tolist()
        if column in places:
            same[column] &= each.holds(own[:, places.index(column)], after.code(column))
    after.held = same.T.contiguous()
    for link in links:
        if link.column is None:
            link.draw(after, allowed, random)
