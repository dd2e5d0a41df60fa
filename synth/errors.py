"""What can go wrong in the generator. Messages name what was expected and what came, never a cell of the data."""

from __future__ import annotations


class SynthError(Exception):
    """The root of every error that `synth` raises on purpose."""


class SchemaError(SynthError):
    """The schema is not one that a table can have, or does not fit the table at hand."""


class TableError(SynthError):
    """The table cannot be learnt: too few records, no columns, or columns other than the schema's."""


class RuleError(SynthError):
    """A rule between columns cannot be read, is about columns that it cannot be about, or contradicts another one."""


class ConditionError(SynthError):
    """A condition names a column or a category that the model does not know, or selects nothing that it may emit."""


class ConditionWarning(UserWarning):
    """Conditions that too few training records meet: what is sampled meets them, but extrapolates."""


class RuleWarning(UserWarning):
    """Records break a rule, as given cells or a lack of values make them, or leave a range to keep it."""


class ColumnsWarning(UserWarning):
    """Columns that a model does not redraw, so that scores of records say nothing of them."""


class ArtifactError(SynthError):
    """A saved model is incomplete, of another version, or does not have the shape it declares."""


class StorageError(SynthError):
    """A model or a checkpoint could not be written: the folder is missing, read-only or on a full disk."""


class TrainingError(SynthError):
    """Training could not go on, for example because a loss was no longer finite."""
