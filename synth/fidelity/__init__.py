"""How much a synthetic table is like the real one. No torch."""
