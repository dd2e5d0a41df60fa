"""Trees as arrays, boosted ones among them, and how many records are sent through them at once."""
