"""A YAML file to a validated model, or every mistake in it at once.

To let a model take part:

* quantities: annotate a field with `Bytes`, `Seconds`, `Share`... from `units`, and give
  it the name people write as alias (`ram_bytes: Bytes = Field(alias="ram")`);
* a validator's `ValueError` message is what was *wanted* ("a board that has an FPU"); raise
  `Mistake` or `Mistakes` to point at a field within, or to suggest a correction;
* `info.context` holds what the caller of `read_model` passed.

Values are strict: `"40"` is not a number, and `2026.10` is not text until it is quoted.

Imports `errors` alone. `file` reads, `tree` knows lines, `mistakes` are what validators raise,
`problems` words all that is wrong, `units` are quantities as people write them.
"""

from __future__ import annotations

from mlforge_tasks.yaml_file.file import View, read_model, read_views
from mlforge_tasks.yaml_file.mistakes import Mistake, Mistakes, closest, meant, one_of

__all__ = ["Mistake", "Mistakes", "View", "closest", "meant", "one_of", "read_model", "read_views"]
