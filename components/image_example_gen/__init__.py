"""Ingestion: from a folder of images to tf.Examples, split by group."""
