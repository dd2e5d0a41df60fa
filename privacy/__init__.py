"""Attacks on a synthetic table, and the gate that judges what they found. No torch, no SQL, no HTTP."""
