"""What else a trained model is for: completing, imputing, scoring and changing records. Folds over the same chain."""
