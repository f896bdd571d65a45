"""How a run ended, in the forms that continuous integration reads.

JUnit XML (`junit`), SARIF with the contract's lines (`sarif`, `rules`), Markdown (`summary`) and a
badge (`badge`), each a pure function of one record (`outcome`): records in, text out. Imports what
a verdict is (`verdict`) and where a key stands in a file (`yaml_file`); it writes nothing.
"""
