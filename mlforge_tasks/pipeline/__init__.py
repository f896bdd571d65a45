"""One contract's graph: the plan, one candidate's chain, what a gate decides.

Wires stages together and runs none of them. Imports everything below, and neither numpy nor
TensorFlow comes along.
"""
