"""People with several records: what is constant for a person, and one record after another given those before."""
