"""Tries settings of the training before it: the component, what it may choose, and how it tries."""
