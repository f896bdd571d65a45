"""What a person types and sees: doit's tasks, the console, the doctor.

The top of the house: it may import everything, and only `dodo.py` imports it.
"""
