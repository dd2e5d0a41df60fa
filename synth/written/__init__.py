"""How the values of a column are written as text: numbers, dates, times of day, and what replaces personal data."""
