"""The proposal: a generator of coded records, the losses that train it, and its critic."""
