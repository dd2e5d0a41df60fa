"""The routes of the API: each parses, calls a service and answers. No rules here."""
