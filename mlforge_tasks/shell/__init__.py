"""What a person types and sees: doit's tasks, the console, the doctor.

The top of the house: it may import everything, and only a `dodo.py` imports it.
"""
