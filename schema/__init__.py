"""The data contract: feature keys, labels, signatures, errors, and how a file becomes pixels."""
