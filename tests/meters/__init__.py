"""Meters: what a trace says, and each kind against what speaks as it does."""
