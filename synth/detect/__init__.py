"""Tells from the values and the names of columns what they hold."""
