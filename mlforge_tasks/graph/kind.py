"""What all stages of one kind share: stands in the stage's own file, beside its action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# What every stage's result is made by, beside its own code: without all that these import, since
# most of it (the lock, the store) brings bytes to their place and decides none.
SHARED = (
    *("action", "kind", "process", "reading", "running", "stage", "surroundings"),
    *("_launch", "warm", "_warm_server"),
)
SHARED_CODE = (
    *(f"mlforge_tasks/graph/{name}.py" for name in SHARED),
    "mlforge_tasks/stages/_warm.py",
)


@dataclass(frozen=True)
class StageKind:
    """What all stages of one kind share.

    Attributes:
        module: Dotted name of the module whose `run` is the action.
        outputs: Files the action must make; it may make more.
        isolated: Whether the action runs in a process of its own.
        fields: The contract's fields it may read, by their dotted names.
        loads: Modules the action loads by name, so that no import tells of them.
        resources: Data files it uses, relative to the project root.
        tools: Names and versions of what it depends on, asked when a key is made.
        unread: Files of an input stage that it does not read, by the input's name: they are no part
            of its key.
        runs_after_failure: Whether it runs although an input stage's candidate failed.
        secrets: Environment variables that its process gets, and no other stage's; they are no
            part of the key.
        kept_when_broken: Files that go into the store although the action broke.
        restorable: Whether its result is taken from the store. Where not, since the action checks
            too, it is made each time, and what the store has of it is replaced.
        heralds_tensorflow: Whether stages that need TensorFlow follow when its outputs are made for
            the first time; it is imported meanwhile.
    """

    module: str
    outputs: tuple[str, ...] = ()
    isolated: bool = False
    fields: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tools: Callable[[], Mapping[str, str]] = dict
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runs_after_failure: bool = False
    secrets: tuple[str, ...] = ()
    kept_when_broken: tuple[str, ...] = ()
    restorable: bool = True
    heralds_tensorflow: bool = False

    def code(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """All that it is made of, as `code_version` takes it: modules, and other files."""
        return (self.module, *self.loads), (*self.resources, *SHARED_CODE)
