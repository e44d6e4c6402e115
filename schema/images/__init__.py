"""How a file of any supported format becomes the canonical pixels, at ingestion and at prediction alike."""
