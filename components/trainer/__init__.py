"""Training: from transformed examples to an exported model with its operating point."""
