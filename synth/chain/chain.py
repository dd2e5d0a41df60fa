"""The chain of a model: its parts in the order in which they redraw a record, and in a model file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from synth.chain import boosted_target, dependency, forest, last_critic, residual
from synth.chain.base import Codebook, Conditional
from synth.chain.boosted_target import BoostedTarget
from synth.chain.dependency import Dependencies, no_dependencies
from synth.chain.forest import Forest, no_forest
from synth.chain.forest_column import forest_columns
from synth.chain.last_critic import LastCritic
from synth.chain.residual import ResidualLink, ResidualTrees, uniform_residuals
from synth.encode.layout import Layout
from synth.encode.ranking import Ranking


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chain:
    """What redraws the records that the generator proposes."""

    forest: Forest = field(default_factory=no_forest)
    """Redraws each of its columns given all others."""
    target: BoostedTarget | None = None
    """Redraws the target column; None where there is none of few categories."""
    dependencies: Dependencies = field(default_factory=no_dependencies)
    """Looks up the columns that another one determines."""
    residuals: ResidualTrees = field(default_factory=uniform_residuals)
    """Draws where inside of its mode piece a quantity lies."""
    critic: LastCritic | None = None
    """By whose odds free records are kept, before residuals are drawn; None where all of them are."""

    def links(self, book: Codebook, skip: Collection[int] = ()) -> tuple[Conditional, ...]:
        """All links in order, without the dependencies of the columns to `skip`; the last one draws residuals."""
        looked_up = (link for link in self.dependencies.links() if link.column not in skip)
        target = () if self.target is None else (self.target,)
        residuals = ResidualLink(trees=self.residuals, columns=tuple(book.layout.residual_columns.tolist()))
        return *forest_columns(self.forest, book), *target, *looked_up, residuals

    def codebook(self, layout: Layout, ranking: Ranking, counts: Tensor, pieces: Tensor) -> Codebook:
        """What its links have to know of codes, see `Codebook`."""
        group = self.forest.group if len(self.forest) else torch.zeros(layout.codes, dtype=torch.int64)
        return Codebook(layout=layout, ranking=ranking, group=group, counts=counts, pieces=pieces)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays of all parts that say something, by name; `from_tensors` reads them back."""
        parts: dict[str, Mapping[str, Tensor]] = {}
        if self.target is not None:
            parts[boosted_target.PART] = self.target.tensors()
        if len(self.dependencies):
            parts[dependency.PART] = self.dependencies.tensors()
        if len(self.forest):
            parts[forest.PART] = self.forest.tensors()
        if len(self.residuals):
            parts[residual.PART] = self.residuals.tensors()
        if self.critic is not None:
            parts[last_critic.PART] = self.critic.tensors()
        return {f"{part}.{name}": each for part, held in parts.items() for name, each in held.items()}

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor], widths: Sequence[int], places: int) -> Chain:
        """The chain in an untrusted file, whose tensors are taken out of `tensors`.

        For columns with so many codes, of which `places` have residuals. Raises ArtifactError where it is none.
        """
        target = taken(tensors, boosted_target.PART)
        looked_up = taken(tensors, dependency.PART)
        redrawn = taken(tensors, forest.PART)
        residuals, critic = taken(tensors, residual.PART), taken(tensors, last_critic.PART)
        return Chain(
            forest=Forest.from_tensors(redrawn, widths) if redrawn else no_forest(),
            target=BoostedTarget.from_tensors(target, widths) if target else None,
            dependencies=Dependencies.from_tensors(looked_up, widths) if looked_up else no_dependencies(),
            residuals=ResidualTrees.from_tensors(residuals, len(widths), places) if residuals else uniform_residuals(),
            critic=LastCritic.from_tensors(critic, widths) if critic else None,
        )


def taken(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, by their names inside of it; they are taken out of `tensors`."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
