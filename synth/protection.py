"""How many people must stand behind what a model holds and emits. Each number stands here and nowhere else."""

from __future__ import annotations

HOLDERS = 5
"""People, at least, who have a value that may be told.

With `TrainConfig.protect`, a category, a repeated number or an end of a range that fewer people have is neither kept in
the model nor emitted; `TrainConfig.min_count` may ask for more. A report does not show by itself what fewer have.
Without a person column each record counts as a person.
"""
LEAF_RECORDS = 50
"""Training records, at least, in a leaf of any tree: those of the chain, the last critic's, and other boosted ones."""
LEAF_PEOPLE, LEAF_OF_HISTORIES = 50, 100
"""Where people have several records: people in a leaf, at least, and records of theirs.

With 20 people and 50 records, records drawn after 1,500 people were nearer to these than to others (AUC .54 and .53).
"""
FOREST_RECORDS = 10 * LEAF_RECORDS
"""Training records, at least, for trees that redraw columns: of fewer they have too few leaves to say anything."""
TABLE_RECORDS = 20
"""A smaller table is not learnt: it says too little about any distribution, and too much about its records."""
