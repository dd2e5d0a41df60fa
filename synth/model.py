"""A trained model in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from synth.chain.base import Codebook
from synth.chain.chain import Chain
from synth.config import TrainConfig
from synth.curve import CurvePoint, Ending
from synth.encode.layout import Layout, make_layout
from synth.encode.ranking import Ranking
from synth.encode.table_encoder import TableEncoder
from synth.gan.inference_net import make_inference_net
from synth.gan.net import Generator
from synth.gan.objective import AnyGenerator
from synth.gan.proposer import Proposer
from synth.sequences.sequences import Sequences
from synth.table.frame import TextForm
from synth.table.schema import TableSchema


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainedModel:
    """What sampling needs, and how it came to be. Holds no record of the training table."""

    encoder: TableEncoder
    config: TrainConfig
    generator: AnyGenerator
    """In evaluation mode, with averaged weights, on the CPU."""
    counts: Tensor
    """(D,) int64, training records with each flat code: the true frequencies of conditions."""
    ranking: Ranking
    """The order of each column's codes in which trees know them"""
    together: Tensor | None = None
    """(D, D) bool, which two codes enough training records have together: as many as back whatever is emitted.

    None where there are very many codes, or the schema names a person column: records do not count people.
    """
    absent: Tensor | None = None
    """(C, C) bool, whether the second column is missing wherever the first is, see `synth.missing`; None where that was
    not looked at."""
    chain: Chain = field(default_factory=Chain)
    """Redraws the columns and residuals of what the generator proposes."""
    records: int
    """Records that it was trained on, without those that the settings keep for validation."""
    steps: int
    """Generator steps done."""
    ending: Ending
    warnings: tuple[str, ...]
    """What a user has to know of the training, in sentences without a value of the data."""
    seconds: float
    """Wall time of the training, over all attempts where it was resumed."""
    curve: tuple[CurvePoint, ...]
    sequences: Sequences | None = None
    """How the records of a person follow one another. Then all else is of people: what is constant for them, their
    first record, and how many records they have. None where each record is of somebody else."""
    delimiter: str = ","
    """What stands between the fields of the text file that it learnt, and of CSV files of its records."""

    @property
    def schema(self) -> TableSchema:
        """The schema of the training table and of everything sampled."""
        return self.of_records.schema

    @property
    def of_records(self) -> TableEncoder:
        """The encoder of the records of the table, which are people's where there are no sequences."""
        return self.encoder if self.sequences is None else self.sequences.encoder

    @property
    def text_form(self) -> TextForm:
        """How CSV files of its records are written."""
        return TextForm(days=self.of_records.whole_days, places=self.of_records.places, delimiter=self.delimiter)

    def layout(self, device: str = "cpu") -> Layout:
        """The layout of the generator's output."""
        return make_layout(self.encoder.widths, self.encoder.residual_columns, device)

    def proposer(self, kind: torch.dtype = torch.float32) -> Proposer:
        """The generator as sampling runs it, in numbers of one kind where it has a form for that."""
        return make_inference_net(self.generator, kind) if isinstance(self.generator, Generator) else self.generator

    def codebook(self) -> Codebook:
        """What the links of the chain have to know of codes."""
        pieces = torch.from_numpy(self.encoder.is_piece())
        return self.chain.codebook(self.layout(), self.ranking, self.counts, pieces)
