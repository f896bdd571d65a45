"""The delivered library."""
