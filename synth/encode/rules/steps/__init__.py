"""Steps: each replaces columns by one that any generator can learn, so that the restored columns keep a rule.

Some learn a column as it is, and change only cells of what was generated: `Within`, `Blank` and `Snap`.

`forward` turns the real columns into the one that is learnt, and `restore` turns that back. A rule is kept whatever
value was generated. A real record that breaks the rule is learnt with the nearest value that keeps it. `restore` finds
the columns that it needs (`sources`) restored already: `synth.encode.rules.arrangement` has such an order.
"""

from synth.encode.rules.steps.base import Step, Stored, Value, Values
from synth.encode.rules.steps.categories import Group, Member, Together, plain_cells
from synth.encode.rules.steps.computed import Computed
from synth.encode.rules.steps.dates import DateOfParts, PartOfDate
from synth.encode.rules.steps.gap import Gap
from synth.encode.rules.steps.same import Same
from synth.encode.rules.steps.snap import Beside, Snap
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.encode.rules.steps.trimmed import Blank, Within

AnyStep = Gap | Snap | Same | Computed | DateOfParts | TimeOfDay | Group | Together | Within | Blank

__all__ = [
    "AnyStep",
    "Beside",
    "Blank",
    "Computed",
    "DateOfParts",
    "Gap",
    "Group",
    "Member",
    "PartOfDate",
    "Same",
    "Snap",
    "Step",
    "Stored",
    "TimeOfDay",
    "Together",
    "Value",
    "Values",
    "Within",
    "plain_cells",
]
