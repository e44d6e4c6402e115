"""Data that come in spans, a folder each: read as one, and every patient kept in the split that a ledger names."""
