"""Evaluation on `test` through the served signature: TFMA's configuration and the metrics it lacks."""
