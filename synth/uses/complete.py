"""Completes records: given cells stay, and the others are drawn given them.

The generator's columns are independent given its noise, so which noise a record may come from follows from the cells
that are given (importance sampling over a pool of noises), and from that noise come first values for the others. Then
the chain of the model redraws the cells that are not given, each given all others: Gibbs sweeps with the given cells
held fixed (fully conditional specification, van Buuren 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.chain.base import Allowed, Conditional, Records
from synth.chain.dependency import NO_RULE, Dependency
from synth.chain.forest_column import ForestColumn
from synth.encode.layout import Layout, draw_codes, one_hot, softmax_by_column
from synth.encode.presence import missing_codes
from synth.encode.rules.steps import Snap
from synth.encode.table_encoder import EncodedTable
from synth.errors import SynthError
from synth.gan.condition_vector import make_conditions
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.training.nearness import generated
from synth.uses.partial import Partial, completed, read_partial

NOISES = 4_096
"""Noises that first values may come from."""
BLOCK = 512
"""Records that are held against the noises at a time."""
SWEEPS = 5
"""Times that the chain redraws each cell that is not given."""
NEAR_RECORDS = 4_000
"""Generated records that tell how near numbers have to be that become the same."""
FAINT = 1e-12


def complete(
    model: TrainedModel,
    table: pd.DataFrame,
    rng: Rng,
    *,
    times: int = 1,
    progress: Callable[[float], None] | None = None,
) -> list[pd.DataFrame]:
    """`times` tables with the records of `table`: cells that have a value keep it, all others are drawn given those.

    `table` has some or all of the schema's columns. A cell that is drawn may come out missing, as often as such records
    miss it. The tables contain cells of the input, so they are no synthetic data. `progress` is told the fraction done.
    A given number beyond the model's range stays, and the rest is drawn as for the end of the range. Raises TableError
    where the table has no records, other columns, or categories that the model may not emit, and SynthError where
    `times` is not 1 or more.
    """
    if times < 1:
        raise SynthError(f"times: expected 1 or more, got {times}")
    partial = read_partial(model, table, rng)
    return list(completions(model, partial, rng, times=times, allowed={}, progress=progress))


def completions(
    model: TrainedModel,
    partial: Partial,
    rng: Rng,
    *,
    times: int,
    allowed: Mapping[int, Allowed],
    progress: Callable[[float], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Completed tables one after another; of columns in `allowed` cells are drawn from that alone."""
    model = _with_distances(model, partial, rng.spawn("distances"))
    layout = model.layout()
    with torch.inference_mode():
        firsts = _first_values(model, partial, layout, allowed, times, rng.spawn("first").torch())
    for number, codes in enumerate(firsts):
        own = rng.spawn(f"completion {number}")
        with torch.inference_mode():
            records = _swept(model, partial.residuals, partial.held, codes, allowed, own.spawn("records").torch())
        yield completed(model, partial, records.codes(), records.residuals, own)
        if progress is not None:
            progress((number + 1) / times)


def nothing_missing(model: TrainedModel) -> dict[int, Allowed]:
    """What is allowed where each cell is to have a value: all codes that stand for one, by encoded column."""
    found = {}
    for number, column in enumerate(model.encoder.encoders):
        missing = (
            torch.from_numpy(missing_codes(column)) if column.made_up is None else torch.zeros(column.width).bool()
        )
        if bool(missing.any()) and not bool(missing.all()):
            end = torch.ones(column.width, dtype=torch.float32)
            found[number] = Allowed(shares=(~missing).double(), low=-end, high=end)
    return found


def _first_values(
    model: TrainedModel,
    partial: Partial,
    layout: Layout,
    allowed: Mapping[int, Allowed],
    times: int,
    random: torch.Generator,
) -> list[Tensor]:
    """`times` (n, C) codes; those that are given, and others from noises that make the given ones likely."""
    generator = model.proposer()
    frequencies = make_conditions(model.counts, layout, 0.0)
    noise = torch.randn(NOISES, generator.noise, generator=random)
    likely = softmax_by_column(generator.logits(noise, frequencies.draw(NOISES, random)), layout).clamp_min(FAINT)
    logs, open_ = likely.log().T.contiguous(), _open_codes(allowed, layout)
    parts: list[list[Tensor]] = [[] for _ in range(times)]
    for begin in range(0, len(partial.codes), BLOCK):
        codes, held = partial.codes[begin : begin + BLOCK], partial.held[begin : begin + BLOCK]
        asked = one_hot(codes, layout) * held[:, layout.column]
        weight = torch.softmax((asked @ logs).double(), 1)
        chosen = torch.multinomial(weight, times, replacement=True, generator=random)
        compatible = open_ * _agreeing(model.chain.dependencies.links(), codes, held, layout)
        for number in range(times):
            drawn = draw_codes((likely[chosen[:, number]] * compatible).clamp_min(0.0), layout, random)
            parts[number].append(torch.where(held, codes, drawn))
    return [torch.cat(part) for part in parts]


def _open_codes(allowed: Mapping[int, Allowed], layout: Layout) -> Tensor:
    """(D,) how much of each flat code may be drawn."""
    found = torch.ones(layout.codes)
    for column, each in allowed.items():
        start = int(layout.starts[column])
        found[start : start + len(each.shares)] = each.shares.float()
    return found


def _agreeing(links: tuple[Dependency, ...], codes: Tensor, held: Tensor, layout: Layout) -> Tensor:
    """(B, D) 1 for codes of a source that determine what is given of the column that follows it, 0 for others."""
    found = torch.ones(len(codes), layout.codes)
    for link in links:
        start, width = int(layout.starts[link.source]), layout.sizes[link.source]
        ruled = link.code[:width]
        agrees = (ruled == NO_RULE) | (ruled == codes[:, link.column, None]) | ~held[:, link.column, None]
        found[:, start : start + width] *= torch.where(agrees.any(1, keepdim=True), agrees, True)
    return found


def _swept(
    model: TrainedModel,
    residuals: Tensor,
    held: Tensor,
    codes: Tensor,
    allowed: Mapping[int, Allowed],
    random: torch.Generator,
) -> Records:
    """The records after some sweeps over the cells that are not (n, C) `held`, those that are given."""
    book = model.codebook()
    records = Records.of(codes, book, residuals=residuals.clone())
    records.held = held
    links, determined = [unweighted(link) for link in model.chain.links(book)], model.chain.dependencies.links()
    columns = [link for link in links if link.column is not None]
    for _ in range(SWEEPS):
        for link in columns:
            _redraw(link, records, held, determined, allowed, random)
    for link in links:
        if link.column is None:
            link.draw(records, {}, random)
    return records


def _with_distances(model: TrainedModel, partial: Partial, rng: Rng) -> TrainedModel:
    """The model whose columns with cells to draw are the same as others as often as in the table, see `Snap`.

    Without their weights the trees draw numbers that are less near to given ones than in a free sample. So how near
    they have to be is found anew, on generated records of which such a column is drawn given all others.
    """
    snaps = [step for step in model.encoder.rules.steps if isinstance(step, Snap)]
    drawn = [step.shown.name for step in snaps if not bool(partial.given[step.shown.name].all())]
    if not drawn:
        return model
    free, found = generated(model, NEAR_RECORDS, rng.spawn("generated").torch()), dict[str, Snap]()
    codes, residuals = torch.from_numpy(free.codes.astype(np.int64)), torch.from_numpy(free.residuals)
    for name in drawn:
        held, own = torch.ones(codes.shape, dtype=torch.bool), rng.spawn(name)
        held[:, model.encoder.names.index(name)] = False
        with torch.inference_mode():
            records = _swept(model, residuals, held, codes, {}, own.spawn("records").torch())
        encoded = EncodedTable(codes=records.codes().numpy(), residuals=records.residuals.numpy())
        steps = model.encoder.with_distances(encoded, own.spawn("decode").numpy).rules.steps
        found |= {step.shown.name: step for step in steps if isinstance(step, Snap) and step.shown.name == name}
    steps = tuple(found.get(s.shown.name, s) if isinstance(s, Snap) else s for s in model.encoder.rules.steps)
    return replace(model, encoder=replace(model.encoder, rules=replace(model.encoder.rules, steps=steps)))


def unweighted(link: Conditional) -> Conditional:
    """The link as its trees have it. Its weights are fitted to one pass over the generator's records: they add up in
    further ones, and drive rare values out.
    """
    return replace(link, weight=torch.zeros_like(link.weight)) if isinstance(link, ForestColumn) else link


def _redraw(
    link: Conditional,
    records: Records,
    held: Tensor,
    determined: tuple[Dependency, ...],
    allowed: Mapping[int, Allowed],
    random: torch.Generator,
) -> None:
    """Redraws the cells of one column that are not given, in the records that have such."""
    column = link.column
    assert column is not None  # noqa: S101 - residuals are drawn elsewhere
    some = torch.nonzero(~held[:, column])[:, 0]
    if not len(some):
        return
    part = records.take(some)
    before = part.ranks[column].clone()
    link.draw(part, {column: allowed[column]} if column in allowed else {}, random)
    stays = torch.zeros(len(some), dtype=torch.bool)
    for other in determined:
        if other.source == column:
            wanted = other.code[part.code(column)]
            stays |= held[some, other.column] & (wanted != NO_RULE) & (wanted != part.code(other.column))
    records.ranks[column, some] = torch.where(stays, before, part.ranks[column])
    records.groups[some, column] = records.book.group[records.book.layout.starts[column] + records.ranks[column, some]]
