"""The chain of conditionals: each link draws one column or one residual given the others."""
