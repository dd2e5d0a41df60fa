"""The generator: table in, table out. No HTTP, no SQL, no clock of its own."""
