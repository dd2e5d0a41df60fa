"""The user's own questions: aggregates that a job names, answered from the real and the synthetic table.

`aggregate` is what may be asked and `parse` reads it; both load nothing, so that whoever only takes a request may use
them. `answer` measures.
"""
