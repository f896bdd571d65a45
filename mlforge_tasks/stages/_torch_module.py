"""Makes a user's PyTorch network: his code runs here, in a process of PyTorch's environment.

What goes wrong in it is told by his file and line. It may read the files that are in the stage's
key, and no other file of the project: an edit of one would change the result behind its back.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import sys
import traceback
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlforge_tasks.contract import torch_network
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import product, shortage
from mlforge_tasks.records import Reason
from mlforge_tasks.tflite_file.origin import NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.contract.search import Layout
    from mlforge_tasks.windows import Windows

MAX_MESSAGE_LENGTH = 300
_PROBABILITIES = ("Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid")
_PROBED_EXAMPLES = 8
_NO_FOLDER = "/dev/null/none"
_EXACT = 1e-4  # of sums of float32 probabilities


def unusable(message: str, stage: str = "quantise") -> CandidateFailure:
    """The result that a user's network cannot be taken."""
    return CandidateFailure(Reason(code="unusable_model", stage=stage, message=message))


class Taken(NamedTuple):
    """How a network is given examples.

    Attributes:
        form: Shape of one example.
        channels_first: Whether its last axis, in the data set, is the first.
    """

    form: tuple[int, ...]
    channels_first: bool

    @classmethod
    def of(cls, card: DataCard, layout: Layout) -> Taken:
        """As the contract has it."""
        shape = tuple(card.input_shape)
        first = layout == "nchw"
        return cls((*shape[-1:], *shape[:-1]) if first else shape, first)

    def given(self, inputs: Windows) -> Windows:
        """Examples as the network takes them."""
        return inputs.given(self.form, channels_first=self.channels_first)


def start(seed: int) -> Any:
    """Imports PyTorch and fixes everything that could make two runs differ.

    Raises:
        ToolError: It cannot be loaded.
    """
    try:
        torch = importlib.import_module("torch")
    except (MemoryError, ImportError, OSError) as error:
        hint = "a training.memory_limit of at least 2 GiB; PyTorch itself takes 0.8 GiB of it"
        raise ToolError(f"PyTorch cannot be loaded: {error!r}", hint=hint) from error
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    _seed(torch, seed)
    return torch


def _seed(torch: Any, seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the user's code may draw from it
    random.seed(seed)


class Users:
    """A user's code.

    Args:
        root: The project.
        named: `nets/my.py:build`.
        stage: Which failures name.
    """

    def __init__(self, root: Path, named: str, stage: str) -> None:
        self._root = root.resolve()
        self.path, self._function = torch_network.split(named)
        self._files = {self._root / one for one in torch_network.Sources(self.path)(root)}
        self._stage = stage
        self._running = False
        self._refused: _UnknownFileError | None = None
        apart = [one for one in (*sys.path, sys.prefix) if _is_apart(one, root)]
        apart.append(product.place(product.PACKAGE))
        self._libraries = tuple(f"{Path(one).resolve()}/" for one in apart)

    def watch(self) -> None:
        """Has every file of the project refused that is in no key, while his code runs."""
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._running or event != "open" or not isinstance(arguments[0], str | bytes | Path):
            return
        mode = arguments[1]
        if isinstance(mode, str) and mode[:1] in "wax":
            return
        path = Path(str(arguments[0], "utf-8") if isinstance(arguments[0], bytes) else arguments[0])
        whole = path.resolve()
        if self._is_users(str(whole)) and whole not in self._files and whole.is_file():
            self._refused = _UnknownFileError(whole.relative_to(self._root))
            raise self._refused

    def _is_users(self, name: str) -> bool:
        return name.startswith(f"{self._root}/") and not name.startswith(self._libraries)

    def run(self, what: str, call: Callable[[], Any]) -> Any:
        """Calls what runs a user's code.

        Args:
            what: What it does, for a message.
            call: Does it.

        Raises:
            CandidateFailure: It raised, with the user's file and line.
        """
        kept = sys.dont_write_bytecode, sys.pycache_prefix
        # Bytecode of another source of the same size and time would be taken for this one's. What
        # is imported for ourselves keeps its own: without, litert-torch takes a minute to import.
        sys.dont_write_bytecode, sys.pycache_prefix = True, _NO_FOLDER
        self._running = True
        try:
            found = call()
        except (CandidateFailure, ToolError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            shortage.refuse(error, what)
            raise unusable(self._told(what, error), self._stage) from error
        finally:
            self._running = False
            sys.dont_write_bytecode, sys.pycache_prefix = kept
        if self._refused:  # which his own code has caught
            raise unusable(self._told(what, self._refused), self._stage)
        return found

    def _told(self, what: str, error: BaseException) -> str:
        """`nets/my.py:12: build: ValueError: …`."""
        if isinstance(error, SyntaxError) and error.filename and self._is_users(error.filename):
            at = f"{Path(error.filename).relative_to(self._root)}:{error.lineno}"
            return f"{at}: {error.msg}"
        frames = traceback.extract_tb(error.__traceback__)
        own = [one for one in frames if self._is_users(str(Path(one.filename).resolve()))]
        at = self.path
        if own:
            file = Path(own[-1].filename).resolve().relative_to(self._root)
            at = f"{file}:{own[-1].lineno}"
        lines = (line.strip() for line in str(error).splitlines())
        words = next((line for line in lines if line), "")
        text = f"{type(error).__name__}: {words}" if words else type(error).__name__
        if isinstance(error, _UnknownFileError):
            text = str(error)
        return f"{at}: {what}: {text}"[:MAX_MESSAGE_LENGTH]

    def _load(self) -> Any:
        file = self._root / self.path
        # What is installed comes first: no `random.py` of a project's is taken for Python's.
        sys.path += [str(file.parent), str(self._root)]
        package = torch_network.package_of(Path(self.path), self._root)
        if package:  # in which `from .blocks import …` is known
            sys.path.append(str(self._root / package[0].parent))
            return self._loaded(".".join([*(one.name for one in package), file.stem]), file)
        return self._loaded(file.stem, file)

    def _loaded(self, name: str, file: Path) -> Any:
        if "." in name:
            importlib.import_module(name.rpartition(".")[0])
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.path} is no module")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(name, module)
        spec.loader.exec_module(module)
        return getattr(module, self._function)

    def build(self, torch: Any, form: tuple[int, ...], outputs: int, seed: int) -> Any:
        """The network, with its first weights.

        Args:
            torch: PyTorch.
            form: Shape of one example.
            outputs: How many it gives.
            seed: Of its weights.

        Raises:
            CandidateFailure: His code raises, or gives no network for these shapes.
        """
        maker = self.run("importing it", self._load)
        _seed(torch, seed)
        name = self._function
        asked = f"{name}({form}, {outputs})"
        model = self.run(asked, lambda: maker(form, outputs))
        if not isinstance(model, torch.nn.Module):
            raise unusable(
                f"{self.path}: {asked} gave {type(model).__name__}, wanted a torch.nn.Module",
                self._stage,
            )
        return model.float()

    def check(self, torch: Any, model: Any, examples: Any, card: DataCard) -> None:
        """Runs a network once, on a few examples.

        Args:
            torch: PyTorch.
            model: The network.
            examples: [N, *form], float32.
            card: The data set's.

        Raises:
            CandidateFailure: It raises, or gives outputs of another shape or kind.
        """
        last: list[str] = []
        hooks = [
            one.register_forward_hook(lambda self, *_: last.append(type(self).__name__))
            for one in model.modules()
            if not list(one.children())
        ]
        some = torch.from_numpy(examples[:_PROBED_EXAMPLES])
        model.eval()
        with torch.no_grad():
            shown = f"forward of {list(some.shape)}"
            found = self.run(shown, lambda: model(some))
        for one in hooks:
            one.remove()
        if not isinstance(found, torch.Tensor):
            kind = type(found).__name__
            raise unusable(f"{self.path}: {shown} gave {kind}, wanted one tensor", self._stage)
        wanted = [len(some), card.output_count]
        if list(found.reshape(len(found), -1).shape) != wanted:
            raise unusable(
                f"{self.path}: {shown} gave {list(found.shape)}, wanted {wanted}: "
                "one row for each example, and as many outputs as the data set has",
                self._stage,
            )
        if card.task in {"classification", "multilabel"}:
            self._check_logits(found.reshape(len(found), -1), last)

    def _check_logits(self, found: Any, last: list[str]) -> None:
        ends = last[-1] if last and last[-1] in _PROBABILITIES else ""
        sums = found.sum(dim=1)
        summed = bool((found >= 0).all() and ((sums - 1).abs() < _EXACT).all())
        if ends or (summed and found.shape[1] > 1):
            raise unusable(
                f"{self.path}: the network ends with {ends or 'a softmax'}; leave it out: it gives "
                "logits, as torch.nn.CrossEntropyLoss takes them, and MLForge adds what makes "
                "probabilities of them",
                self._stage,
            )


def _is_apart(folder: str, root: Path) -> bool:
    """Whether what is imported from a folder is none of the project's."""
    place = Path(folder).resolve()
    return folder != "" and place != root.resolve() and not root.resolve().is_relative_to(place)


class _UnknownFileError(Exception):
    def __init__(self, name: Path) -> None:
        super().__init__(
            f"reads '{name}' of the project, which is in no key: only files that "
            "`import` statements name are"
        )


def headed(torch: Any, model: Any, card: DataCard) -> Any:
    """The network with what makes probabilities of its logits, flat: what a device runs."""
    nn = torch.nn
    parts = {NETWORK: model}
    if card.task == "anomaly":
        parts["flat"] = nn.Flatten()
    elif card.task == "classification":
        parts["softmax"] = nn.Softmax(dim=-1)
    elif card.task == "multilabel":
        parts["sigmoid"] = nn.Sigmoid()
    return nn.Sequential(OrderedDict(parts))
