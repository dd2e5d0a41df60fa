"""The settings of one training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from synth.errors import SynthError
from synth.protection import HOLDERS

Device = Literal["auto", "cpu", "cuda"]
Objective = Literal["tables", "ctgan"]
DEFAULT_OBJECTIVE: Objective = "tables"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How the generator is encoded, built and trained. The defaults are measured, see benchmarks/LOG.md."""

    objective: Objective = DEFAULT_OBJECTIVE
    """What the generator is trained for: `tables` and the chain of conditionals behind it, or `ctgan`, the published
    method (Xu et al. 2019) with nothing behind it.

    `ctgan` reads the settings of encoding, `steps`, `batch`, `noise`, `width`, `blocks`, `condition_weight`, `ema`,
    `look_every`, `validation`, `max_minutes` and `device`. The others are of `tables`; the rest of `ctgan` is as
    published, see `synth.gan.ctgan`.
    """
    protect: bool = True
    """Keep rare categories and numeric extremes out of the model and of everything it emits."""
    min_count: int = HOLDERS
    """A category, a repeated numeric value or an end of a range needs this many people to be emitted (`protect`).

    Without a person column each record counts as a person.
    """
    max_modes: int = 10
    """Components of the Bayesian Gaussian mixture of a numeric column, at most."""
    steps: int | None = None
    """Generator steps, at most; None takes the rule of `schedule.step_count`, which depends on the table's size, and
    on whether columns are redrawn."""
    batch: int = 1000
    """Records in a training batch; reduced for tables with very many codes."""
    noise: int = 128
    """Width of the generator's noise vector."""
    width: int = 256
    """Width of the generator's hidden layers."""
    blocks: int = 2
    """Residual blocks of the generator."""
    rate: float = 1e-3
    """Learning rate of the generator; twice this where columns are redrawn, see `schedule.rate_at`."""
    condition_weight: float = 1.0
    """Weight of the cross-entropy of the conditioned column."""
    table_weight: float = 1.0
    """Weight of the loss that matches one- and two-way tables; 0 leaves only the loss of the conditions."""
    shrink_tables: bool = True
    """Match two-way tables without what is chance in them, see `synth.gan.shrinkage`; else as they are."""
    look_every: int = 150
    """Steps after which the generator is looked at: how far it is from the table, and whether it learns by heart."""
    target_last: bool = True
    """Draw a target of few categories last, by boosted trees that know the other columns."""
    redraw: bool = True
    """Redraw each column given the others, after the generator."""
    predictions: bool = True
    """Trees that redraw a column of many codes see what boosted trees predict of it (`synth.chain.predictors`)."""
    residual_trees: bool = True
    """Where columns are redrawn, trees draw where inside of its mode piece a quantity lies; else that is chance."""
    dependencies: bool = True
    """Look up columns that another one determines (`synth.chain.dependency`)."""
    calibration: bool = True
    """After the steps, make the generator draw each code as often as the table has it (`synth.gan.calibrate`)."""
    last_critic: bool = True
    """Where columns are redrawn, make three times as many records as are wanted, and keep those that a critic of the
    finished chain takes for real (`synth.chain.last_critic`)."""
    log_share: float = 0.25
    """Share of training conditions drawn by log-frequency; 1 is CTGAN's training-by-sampling alone."""
    ema: float = 0.995
    """Decay of the averaged generator weights that sampling uses."""
    validation: float = 0.05
    """Share of the given records kept out of training, on which it is judged when to stop.

    At 0, or where validation records are given beside the table, every record given is trained on.
    """
    max_minutes: float = 60.0
    """Wall time, over all attempts of a resumed training, after which it stops with the weights it has."""
    device: Device = "auto"
    """`auto` takes CUDA where there is one."""

    def __post_init__(self) -> None:
        at_least = {"min_count": 1, "max_modes": 1, "batch": 2, "noise": 1, "width": 1, "blocks": 0}
        at_least |= {"look_every": 1, "condition_weight": 0, "table_weight": 0, "log_share": 0}
        for name, least in at_least.items():
            if not getattr(self, name) >= least:
                raise SynthError(f"{name}: expected {least} or more, got {getattr(self, name)}")
        for name in ("rate", "max_minutes"):
            if not getattr(self, name) > 0:
                raise SynthError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.steps is not None and self.steps < 1:
            raise SynthError(f"steps: expected 1 or more, got {self.steps}")
        for name, below in (("validation", 0.5), ("ema", 1.0)):
            if not 0 <= getattr(self, name) < below:
                raise SynthError(f"{name}: expected at least 0 and less than {below}, got {getattr(self, name)}")
        if self.log_share > 1:
            raise SynthError(f"log_share: expected at most 1, got {self.log_share}")
        _check_one_of("device", self.device, get_args(Device))
        _check_one_of("objective", self.objective, get_args(Objective))

    @property
    def least(self) -> int:
        """So many people, or records without a person column, back whatever is emitted."""
        return self.min_count if self.protect else 1

    def with_(self, **changes: Any) -> TrainConfig:  # noqa: ANN401 - the values are checked by the constructor
        """The same settings but for `changes`."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, object]:
        """The settings as JSON values; `from_json` reads them back."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, object]) -> TrainConfig:
        """The settings that `to_json` wrote. Raises SynthError on an unknown name or a value of the wrong type."""
        known = {f.name: str(f.type) for f in fields(TrainConfig)}
        unknown = set(values) - set(known)
        if unknown:
            raise SynthError(f"expected only known settings, got {len(unknown)} others")
        for name, value in values.items():
            if not _fits(value, known[name]):
                raise SynthError(f"{name}: expected {known[name]}, got {type(value).__name__}")
        return TrainConfig(**values)  # type: ignore[arg-type] # checked one by one above


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SynthError(f"{name}: expected one of {known}, got {value!r}")


def _fits(value: object, type_name: str) -> bool:
    if value is None:
        return "None" in type_name
    if type_name == "bool":
        return isinstance(value, bool)
    if type_name.startswith("int"):
        return isinstance(value, int) and not isinstance(value, bool)
    if type_name == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)
