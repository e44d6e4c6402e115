"""Draws a report as one HTML page."""
