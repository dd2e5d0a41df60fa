"""Columns to integer codes and float residuals, and back."""
