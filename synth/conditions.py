"""What records have to meet, in codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import torch
from torch import Tensor

from synth.chain.base import Allowed
from synth.chain.dependency import NO_RULE, Dependencies
from synth.config import TrainConfig
from synth.encode.layout import Layout
from synth.encode.table_encoder import TableEncoder
from synth.errors import ConditionError
from synth.gan.step import Material
from synth.gan.table_loss import PAIR_RECORDS
from synth.model import TrainedModel
from synth.table.ranges import Condition
from synth.table.schema import ColumnRole, TableSchema


def allowed_by(encoder: TableEncoder, conditions: Mapping[str, Condition]) -> dict[int, Allowed]:
    """The conditions in codes, by encoded column.

    Raises ConditionError where one selects nothing that the model may emit.
    """
    found = dict[int, Allowed]()
    for name, wanted in conditions.items():
        column, selected = encoder.select(name, wanted)
        shares, low, high = (torch.from_numpy(part) for part in (selected.shares, selected.low, selected.high))
        if column in found:  # two columns of a group, of which one is encoded
            shares = shares * found[column].shares
            if not bool((shares > 0).any()):
                raise ConditionError(f"column {name!r}: no record can meet this beside the other conditions")
        found[column] = Allowed(shares=shares, low=low, high=high)
    return found


def by_sources(
    allowed: Mapping[int, Allowed], dependencies: Dependencies, layout: Layout, names: Sequence[str]
) -> tuple[dict[int, Allowed], frozenset[int]]:
    """(what is allowed of sources in place of the columns that they determine, the columns not to be looked up).

    A column agrees with its source, so a condition on it is one on the source. Where no code of the source meets it,
    it stays as it was asked for, and the column is not looked up. Raises ConditionError where codes of the source do,
    but none that the source's own condition allows; `names` are those of the encoded columns.
    """
    found, skipped = dict(allowed), set[int]()
    for link in dependencies.links():
        if link.column not in found:
            continue
        own = found.get(link.source)
        ruled = link.code[: int(layout.widths[link.source])]
        shares = torch.where(ruled == NO_RULE, 0.0, found[link.column].shares[ruled.clamp_min(0)])
        open_ = bool((shares > 0).any())
        shares = shares if own is None else shares * own.shares
        if own is not None and open_ and not bool(((shares > 0) | ((ruled == NO_RULE) & (own.shares > 0))).any()):
            raise ConditionError(
                f"columns {names[link.source]!r} and {names[link.column]!r}: expected conditions that agree, as the"
                " first determines the second, got two that no record meets together"
            )
        if not bool((shares > 0).any()):
            skipped.add(link.column)
            continue
        whole = torch.ones(len(shares), dtype=torch.float32)
        found[link.source] = replace(own, shares=shares) if own else Allowed(shares=shares, low=-whole, high=whole)
        del found[link.column]
    return found, frozenset(skipped)


def held_together(material: Material, schema: TableSchema, config: TrainConfig) -> Tensor | None:
    """(D, D) which two codes enough training records have together, see `TrainedModel.together`."""
    if material.tables.flat is not None or schema.with_role(ColumnRole.PERSON) is not None:
        return None
    return (material.tables.counted * min(len(material.codes), PAIR_RECORDS) >= config.least - 0.5).cpu()


def too_rare(model: TrainedModel, allowed: Mapping[int, Allowed], probability: float, layout: Layout) -> bool:
    """Whether too few training records meet conditions that the model gives this probability.

    The model holds no records: it knows which two codes enough of them have together, and for the rest it is asked.
    """
    if probability * model.records < model.config.least:
        return True
    if model.together is None:
        return False
    selected = [int(layout.starts[column]) + torch.nonzero(each.shares)[:, 0] for column, each in allowed.items()]
    return any(not bool(model.together[a][:, b].any()) for a, b in combinations(selected, 2))


def met(codes: Tensor, residuals: Tensor, allowed: Mapping[int, Allowed], layout: Layout) -> Tensor:
    """(n,) whether records of (n, C) codes and (n, R) residuals are as is allowed."""
    places = {column: place for place, column in enumerate(layout.residual_columns.tolist())}
    found = torch.ones(len(codes), dtype=torch.bool)
    for column, each in allowed.items():
        code = codes[:, column]
        found &= each.shares[code] > 0
        if column in places:
            found &= each.holds(residuals[:, places[column]], code)
    return found
