"""Scores every image of a folder with an exported model, on Beam workers."""
