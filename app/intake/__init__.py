"""Intake: whatever was uploaded becomes one Parquet file with a proposed schema, or is refused with a reason."""
