"""Records from a trained model, with or without conditions."""
