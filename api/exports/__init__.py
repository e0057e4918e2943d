"""Claims with their decisions, exported as a stream."""
