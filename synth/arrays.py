"""Values made of arrays: their arrays by name, and the check of such arrays from a file that is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from synth.errors import ArtifactError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TYPE, DIMENSIONS = "type", "dimensions"


def array(kind: torch.dtype, dimensions: int) -> Mapping[str, object]:
    """The metadata of a field that holds an array: `field(metadata=array(torch.int64, 1))`."""
    return {TYPE: kind, DIMENSIONS: dimensions}


def arrays_of(held: DataclassInstance) -> dict[str, Tensor]:
    """The arrays of a value by the names of their fields."""
    return {name: getattr(held, name) for name in names_of(type(held))}


def names_of(kind: type[DataclassInstance]) -> list[str]:
    """The fields that hold arrays."""
    return [f.name for f in _held_by(kind)]


def check_arrays(part: str, kind: type[DataclassInstance], tensors: Mapping[str, Tensor]) -> None:
    """Raises ArtifactError where these are not the arrays of such a value: their names, types, dimensions, and numbers.

    `part` names the value in the error.
    """
    if set(tensors) != set(names_of(kind)):
        raise ArtifactError(f"{part}: expected the arrays {', '.join(names_of(kind))}")
    for each in _held_by(kind):
        held, wanted, dimensions = tensors[each.name], each.metadata[TYPE], each.metadata[DIMENSIONS]
        if held.dtype != wanted or held.ndim != dimensions:
            raise ArtifactError(f"{part}: expected {dimensions} dimensions of {wanted} in {each.name}")
        if held.is_floating_point() and not bool(torch.isfinite(held).all()):
            raise ArtifactError(f"{part}: expected finite numbers only in {each.name}")


def check_range(part: str, tensors: Mapping[str, Tensor], limits: Mapping[str, int]) -> None:
    """Raises ArtifactError where an array has a number below 0, or one that is not below its limit."""
    for name, limit in limits.items():
        if bool((tensors[name] < 0).any() or (tensors[name] >= limit).any()):
            raise ArtifactError(f"{part}: expected numbers of what there are in {name}, from 0 to {limit - 1}")


def _held_by(kind: type[DataclassInstance]) -> list[Field[Any]]:
    return [f for f in fields(kind) if TYPE in f.metadata]
