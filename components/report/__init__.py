"""The run's report: one self-contained page for people, one JSON file for programs."""
