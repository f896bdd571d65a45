"""Contracts, data sets and boards as records, and what is said of a wrong one."""
