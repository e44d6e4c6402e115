"""The one graph, its configuration, and what runs it on one machine."""
