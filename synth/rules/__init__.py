"""Rules between columns: what they are, how they are written, and which records keep them."""
