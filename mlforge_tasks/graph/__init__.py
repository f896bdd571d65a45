"""How a step runs: stage, store, process, and the digests of code and tools that make its key.

Knows nothing of contracts or models; imports the ground floor alone.
"""
