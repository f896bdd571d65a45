"""What a candidate came to: measurements against clauses, and what a search says in the end.

Imports `contract` and what is below it; agents and stages import it, never the other way round.
"""
