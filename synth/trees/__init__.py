"""Trees as arrays: the critic's, boosted ones, and how many records are sent through them at once."""
