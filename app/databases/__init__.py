"""Databases of others: a table of one becomes Parquet, a synthetic table a new table of one. No free SQL anywhere."""
