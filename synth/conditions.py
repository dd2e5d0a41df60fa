"""What records have to meet, in codes: conditions on categories and on ranges of quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from synth.chain.dependency import NO_RULE, Followers
from synth.chain.residual import Ends
from synth.config import TrainConfig
from synth.encode.layout import Layout
from synth.encode.table_encoder import TableEncoder
from synth.gan.step import Material
from synth.gan.table_loss import PAIR_RECORDS
from synth.model import TrainedModel
from synth.table.ranges import Range
from synth.table.schema import ColumnRole, TableSchema


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Given:
    """What one column is given to be."""

    column: int
    shares: Tensor
    """(width,) float64, how much of each code is selected"""
    low: Tensor
    """(width,) the least residual inside"""
    high: Tensor
    """(width,) the greatest"""


def given_of(encoder: TableEncoder, conditions: Mapping[str, str | Range]) -> tuple[Given, ...]:
    """The conditions in codes. Raises ConditionError where one selects nothing that the model may emit."""
    found = []
    for name, wanted in conditions.items():
        column, inside = encoder.inside(name, wanted)
        shares, low, high = (torch.from_numpy(part) for part in (inside.shares, inside.low, inside.high))
        found.append(Given(column=column, shares=shares, low=low, high=high))
    return tuple(found)


def by_sources(
    given: Sequence[Given], followers: Followers, layout: Layout
) -> tuple[tuple[Given, ...], frozenset[int]]:
    """(what the conditions ask of the sources of followers in place of these, the followers that are free of theirs).

    A follower agrees with its source, so a condition on it is one on the source. Where no code of the source meets it,
    alone or beside the source's own condition, both stay as they were asked for and do not follow.
    """
    asked = {one.column: one for one in given}
    free = set[int]()
    for source, column, code in zip(followers.source.tolist(), followers.column.tolist(), followers.code, strict=True):
        if column not in asked:
            continue
        own = asked.get(source)
        ruled = code[: int(layout.widths[source])]
        shares = torch.where(ruled == NO_RULE, 0.0, asked[column].shares[ruled.clamp_min(0)])
        shares = shares if own is None else shares * own.shares
        if not bool((shares > 0).any()):
            free.add(column)
            continue
        whole = torch.ones(len(shares), dtype=torch.float32)
        asked[source] = (
            replace(own, shares=shares) if own else Given(column=source, shares=shares, low=-whole, high=whole)
        )
        del asked[column]
    return tuple(asked.values()), frozenset(free)


def held_together(material: Material, schema: TableSchema, config: TrainConfig) -> Tensor | None:
    """(D, D) which two codes enough training records have together, see `TrainedModel.together`."""
    if material.tables.flat is not None or schema.with_role(ColumnRole.PERSON) is not None:
        return None
    return (material.tables.counted * min(len(material.codes), PAIR_RECORDS) >= config.least - 0.5).cpu()


def too_rare(model: TrainedModel, given: Sequence[Given], probability: float, layout: Layout) -> bool:
    """Whether too few training records meet conditions that the model gives this probability.

    The model holds no records: it knows which two codes enough of them have together, and for the rest it is asked.
    """
    if probability * model.records < model.config.least:
        return True
    if model.together is None:
        return False
    selected = [int(layout.starts[one.column]) + torch.nonzero(one.shares)[:, 0] for one in given]
    return any(not bool(model.together[a][:, b].any()) for a, b in combinations(selected, 2))


def ends_of(given: Sequence[Given]) -> dict[int, Ends]:
    """Between which residuals the conditions let values lie, by column."""
    return {one.column: Ends(low=one.low, high=one.high) for one in given}


def met(codes: Tensor, residuals: Tensor, given: Sequence[Given], layout: Layout) -> Tensor:
    """(n,) whether records of (n, C) codes and (n, R) residuals meet the conditions."""
    places = {column: place for place, column in enumerate(layout.residual_columns.tolist())}
    found = torch.ones(len(codes), dtype=torch.bool)
    for one in given:
        code = codes[:, one.column]
        found &= one.shares[code] > 0
        if one.column in places:
            found &= Ends(low=one.low, high=one.high).hold(residuals[:, places[one.column]], code)
    return found
