"""How a model comes to be: preparation, the steps, and the trees of the chain."""
