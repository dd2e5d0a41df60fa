"""The proposal: a generator of coded records and the losses that train it, and the published method with its critic."""
