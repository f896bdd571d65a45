"""`search.torch`: a user's function that makes a PyTorch network, and the files that it is."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, TypeAdapter, ValidationError

from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.yaml_file import Mistake, closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.sections import Training

_FORM = "a file of the project and a function in it, such as 'nets/my.py:build'"
_PACKAGE = "__init__.py"
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_PATH: TypeAdapter[str] = TypeAdapter(ProjectPath)


def _form(text: str) -> str:
    path, _, function = text.partition(":")
    if not path.endswith(".py") or not function.isidentifier():
        raise Mistake(_FORM)
    try:
        _PATH.validate_python(path)
    except ValidationError:
        raise Mistake(f"{_FORM}; the file below the project's root, where doit runs") from None
    return text


TorchNetwork = Annotated[str, AfterValidator(_form)]


def split(text: str) -> tuple[str, str]:
    """File and function."""
    path, _, function = text.partition(":")
    return path, function


def check(text: str, root: Path) -> None:
    """Looks for the function; nothing of the file is run.

    Raises:
        Mistake: It is not there, or the file is no Python.
    """
    path, function = split(text)
    file = root / path
    if not file.is_file():
        raise Mistake(f"a file that is there: no '{path}' below {root}")
    try:
        body = ast.parse(file.read_bytes(), path).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        at = f"{path}:{line}" if line else path
        raise Mistake(f"a file of Python: {at}: {getattr(error, 'msg', error)}") from None
    names = sorted({name for one in body for name in _defined(one)})
    if function not in names:
        made = [one.name for one in body if isinstance(one, _DEFINITIONS)]
        known = f"it has {', '.join(sorted(made))}" if made else "it defines none"
        raise Mistake(f"a function of '{path}': {known}", suggestion=closest(function, made))


def misfits(torch: str | None, training: Training | None) -> Iterator[Mistake]:
    """What of a training a PyTorch network's has not yet."""
    if torch is None or training is None:
        return
    for key in ("augment", "prune"):
        if getattr(training, key):
            yield Mistake(f"no such network with training.{key}, which is Keras'", at=("torch",))


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Functions and classes, and what may be one: imported or assigned names."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name
    elif isinstance(statement, ast.ImportFrom):
        yield from (one.asname or one.name for one in statement.names)
    elif isinstance(statement, ast.Assign):
        yield from (one.id for one in statement.targets if isinstance(one, ast.Name))


def package_of(file: Path, root: Path) -> tuple[Path, ...]:
    """The packages that a file is in, outermost first, as folders relative to the root."""
    inside = takewhile(lambda one: (root / one / _PACKAGE).is_file(), file.parents)
    return tuple(one for one in inside if one.name)[::-1]


@dataclass(frozen=True)
class Sources:
    """Finds the files that a network is made of: its own, and what that imports of the project.

    Attributes:
        path: The file with the function, relative to the project.
    """

    path: str

    def __call__(self, root: Path) -> tuple[Path, ...]:
        """Their paths, relative to the root, sorted.

        A module is looked for as Python does once the file's folder, the root, and the folder of
        the package that the file is in, are on its path.
        """
        # Not for a contract without a network of PyTorch.
        from mlforge_tasks.graph.imports import imported_names  # noqa: PLC0415

        found: set[Path] = set()
        file = Path(self.path)
        todo = [file, *(one / _PACKAGE for one in package_of(file, root))]
        while todo:
            file = todo.pop()
            if file in found:
                continue
            found.add(file)
            try:
                names = imported_names((root / file).read_bytes())
            except (SyntaxError, FileNotFoundError):  # told where it is run, with its line
                continue
            for name in names:
                todo += self._modules(root, file, name)
        return tuple(sorted(found))

    def _modules(self, root: Path, file: Path, name: str) -> list[Path]:
        bare = name.lstrip(".")
        dots = len(name) - len(bare)
        parts = [part for part in bare.split(".") if part]
        if dots:
            bases = [Path(*file.parent.parts[: len(file.parent.parts) - dots + 1])]
        else:
            own = Path(self.path)
            bases = [own.parent, Path(), *(one.parent for one in package_of(own, root)[:1])]
        for base in bases:
            chain = [base.joinpath(*parts[: count + 1]) for count in range(len(parts))]
            files = [one for at in chain for one in (at.with_suffix(".py"), at / _PACKAGE)]
            here = [one for one in files if (root / one).is_file()]
            if here:
                return here
        return []
