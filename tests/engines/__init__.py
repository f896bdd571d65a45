"""Generated code against the oracle, byte for byte, and what an engine refuses."""
