"""Moves the labels of served versions, on a running server and in its configuration file alike."""
