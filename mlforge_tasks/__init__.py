"""MLForge: constraint-driven embedded ML as a build-system extension on doit."""
