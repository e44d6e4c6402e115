"""What predictions are worth, in figures: pure functions of truth, scores and groups, with their intervals."""
