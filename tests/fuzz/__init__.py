"""Fuzzing of what reads files that a user brings: the contract, the data, the model.

`targets` says what is read, from which seeds, and which errors are an answer; `mutations` makes a
file a little wrong, format by format. `test_smoke` tries a fixed number of mutations in every test
run. `python -m tests.fuzz TARGET` goes on for as long as it is told, guided by coverage, with
atheris (`pip install atheris`), which nothing else here needs; see CONTRIBUTING.md.
"""
