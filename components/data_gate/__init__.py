"""The data gate: fails the run on data that are broken or that leak."""
