"""The service: the only package that knows HTTP, SQL, time and disk."""

__version__ = "0.1.0"
