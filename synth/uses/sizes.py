"""How much each use takes, for who checks a request without the libraries that the uses need."""

TIMES = 5
"""Tables that `impute` completes, unless more are asked for."""
FEWEST_TIMES = 2
"""Tables that it completes at least: what differs between them is the uncertainty."""
MOST_OF_CORESET = 5_000
"""Records of a coreset, at most: more of them are a sample, and twenty times as many are drawn to choose from."""
FEWEST_TO_ADAPT = 50
"""Records of each domain, at least: fewer say next to nothing of how it differs."""
