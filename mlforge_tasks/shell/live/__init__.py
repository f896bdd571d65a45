"""`doit view`: the page of a contract's search on localhost, made anew as a run goes on.

It only reads: it has no lock of the tree, and whatever it meets half-made is not there yet.
"""
