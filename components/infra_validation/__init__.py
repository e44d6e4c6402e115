"""Whether the server that will serve a model loads it, and answers with the trainer's own numbers."""
