"""DICOM files: what they show, and the few facts of their headers that may be known."""
