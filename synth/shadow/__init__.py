"""Small generators trained side by side, for attacks on how the generator is trained."""
