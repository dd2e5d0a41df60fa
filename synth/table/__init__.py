"""The columns of a table, what they mean, and how a table is read and written."""
