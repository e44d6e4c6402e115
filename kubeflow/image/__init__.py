"""The container image that every step runs in."""
