"""The rules of the service: one module for each thing that a tenant owns. No HTTP here, and no SQL."""
