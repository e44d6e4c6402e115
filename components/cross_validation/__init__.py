"""Group-wise cross-validation: what a configuration is worth, judged on every image by a model that never saw it."""
