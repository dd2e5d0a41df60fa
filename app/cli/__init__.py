"""The command `lookalike`: a thin client of the API, the commands that start the service, and training without one."""
