"""Networks and optimizers as named tensors, and back: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam


def module_state(name: str, module: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network, by names that begin with its own."""
    return {f"{name}.{key}": value for key, value in module.state_dict().items()}


def put_module(module: nn.Module, name: str, tensors: Mapping[str, Tensor]) -> None:
    """Puts them back. Raises RuntimeError where they are another network's."""
    module.load_state_dict(_part(name, tensors))


def adam_state(name: str, adam: Adam) -> dict[str, Tensor]:
    """The tensors of an optimizer, by names that begin with its own."""
    held = adam.state_dict()["state"].items()
    return {f"{name}.{number}.{key}": torch.as_tensor(value) for number, state in held for key, value in state.items()}


def put_adam(adam: Adam, name: str, tensors: Mapping[str, Tensor]) -> None:
    """Puts them back. Raises ValueError where they are another optimizer's."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(name, tensors).items():
        number, _, part = key.partition(".")
        state.setdefault(int(number), {})[part] = value
    adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})


def _part(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): each for key, each in tensors.items() if key.startswith(f"{name}.")}
