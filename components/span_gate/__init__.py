"""The span gate: accepts a span of new data, or refuses it, by what the ledger and the published model know."""
