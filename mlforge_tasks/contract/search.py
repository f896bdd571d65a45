"""The `search:` section of a contract: who proposes, and what the whole search may cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mlforge_tasks.architecture import Layers, Score, parse_architecture
from mlforge_tasks.contract import torch_network
from mlforge_tasks.contract.ends import ModelInput, ModelOutput
from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.contract.state import State
from mlforge_tasks.contract.torch_network import TorchNetwork
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.plugins import installed
from mlforge_tasks.quantisation import EndType
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes, one_of
from mlforge_tasks.yaml_file.units import Seconds

MODEL_SUFFIXES = (".tflite", ".keras")
FIXED, REPLAY, LLM = "fixed", "replay", "anthropic"
# What the agents that read it may be given as `file`.
_FILE_SUFFIXES = {FIXED: (".json", *MODEL_SUFFIXES), REPLAY: (".json",)}
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[\w./-]*)?")
_HTTPS = re.compile(r"https://[\w.-]+(:[0-9]{1,5})?(/[\w./-]*)?")
Layout = Literal["nhwc", "nchw"]
_MODEL_NAME = re.compile(r"[\w.:@/-]{1,100}")


def _model_name(name: str) -> str:
    if not _MODEL_NAME.fullmatch(name):
        raise Mistake("the name of a model, such as 'claude-sonnet-5-5'")
    return name


def _safe_url(url: str) -> str:
    """The key goes to this server, so it goes encrypted or not beyond this machine."""
    if not (_HTTPS.fullmatch(url) or _LOOPBACK.fullmatch(url)):
        raise Mistake("an https:// address, or http://localhost")
    return url


class Llm(Record):
    """How a language model is asked.

    Attributes:
        model: Its name, as the API knows it.
        base_url: The API's address; None for the official one.
        temperature: How much chance is in an answer; None leaves it to the model, as newer ones
            want it.
        answer_tokens: Longest answer.
        token_budget: What the whole search may use, read and written.
        tool_calls: How many estimates, probes and looks at the history a round may take.
        probes: How many of them may be measurements on the target.
        attempts: How many invalid answers a round may hold before it fails.
        retries: How often a request is repeated that a server or the network refused.
        timeout_s: Longest wait for one answer, to its last byte, and between two tries.
        input_price: US dollars per million tokens read, for the costs in the transcript.
        output_price: The same for tokens written.
    """

    model: Annotated[str, AfterValidator(_model_name)]
    base_url: Annotated[str, AfterValidator(_safe_url)] | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    answer_tokens: int = Field(default=8192, ge=256, le=64_000)
    token_budget: int = Field(default=1_000_000, ge=1000, le=100_000_000)
    tool_calls: int = Field(default=12, ge=0, le=100)
    probes: int = Field(default=3, ge=0, le=20)
    attempts: int = Field(default=3, ge=0, le=20)
    retries: int = Field(default=4, ge=0, le=20)
    timeout_s: Seconds = Field(default=300.0, alias="timeout")
    input_price: float | None = Field(default=None, ge=0)
    output_price: float | None = Field(default=None, ge=0)


class Search(Record):
    """What the whole search may cost.

    Attributes:
        agent: A module of `mlforge_tasks/agents`.
        max_iterations: At most so many rounds of proposing and measuring.
        candidates_per_iteration: Architectures a round.
        seed: For the agent and for training.
        architecture: The layers of the one design that `fixed` proposes.
        file: What `fixed` takes instead: an `architecture.json`, or a model that is built and
            measured as it is (`.tflite`, `.keras`); what `replay` repeats: the `transcripts.json`
            of a finished search. Relative to the project's root.
        torch: What `fixed` takes instead: a function that makes a PyTorch network, which is trained
            (`nets/my.py:build`). Its file is relative to the project's root.
        activations: What activations are quantised to: 16 bits take twice the memory, where int8
            loses too much. What a `.tflite` has stands in the file.
        layout: In which order a model file takes an example's axes: `nchw`, as PyTorch has it, is
            with the data set's last axis, its channels, as the first. A `torch` network takes it
            so unless it is said.
        state: What becomes of what a model file keeps (an LSTM, SVDF, variables): `cleared`, each
            example begins without; `kept`, examples are a stream in the order of their rows, and
            each goes on from where the one before has ended.
        inputs: What each input of a model file takes, by name; without it, one takes an example.
        outputs: What each output of a model file gives, by name; without it, one gives all. Further
            outputs are computed, and compared with the reference's, but not judged.
        llm: How `anthropic` asks its model.
        score: For task anomaly, what alone may be proposed; None for either.
    """

    agent: str
    max_iterations: int = Field(default=1, ge=1, le=99)
    candidates_per_iteration: int = Field(default=1, ge=1, le=16)
    seed: int = Field(default=1, ge=0, lt=1 << 32)
    architecture: Layers | None = None
    file: ProjectPath | None = None
    torch: TorchNetwork | None = None
    activations: EndType = "int8"
    layout: Layout = "nhwc"
    state: State = "cleared"
    inputs: tuple[ModelInput, ...] = ()
    outputs: tuple[ModelOutput, ...] = ()
    llm: Llm | None = None
    score: Score | None = None

    @field_validator("agent")
    @classmethod
    def _known_agent(cls, name: str) -> str:
        one_of(name, installed("agents"), kind="an agent")
        return name

    @field_validator("file")
    @classmethod
    def _readable_file(cls, file: str | None, info: ValidationInfo) -> str | None:
        suffixes = _FILE_SUFFIXES.get(info.data.get("agent", ""))
        if file is None or suffixes is None:
            return file
        if not file.endswith(suffixes):
            raise Mistake(f"a file that ends with {' or '.join(suffixes)}")
        root = (info.context or {}).get("project_root")
        if root is not None and info.data["agent"] == FIXED and file.endswith(".json"):
            try:
                parse_architecture(Path(root, file).read_bytes())
            except CandidateFailure as failure:
                raise Mistake(f"a file with an architecture: {failure.reason.message}") from None
        return file

    @field_validator("torch")
    @classmethod
    def _there_is_such_a_function(cls, torch: str | None, info: ValidationInfo) -> str | None:
        root = (info.context or {}).get("project_root")
        if torch is not None and root is not None:
            torch_network.check(torch, Path(root))
        return torch

    @model_validator(mode="after")
    def _channels_come_first_in_pytorch(self) -> Search:
        """Unless it is said; a contract that is written out says it, and is read the same."""
        if self.torch is None or "layout" in self.model_fields_set:
            return self
        return self.model_copy(update={"layout": "nchw"})

    @model_validator(mode="after")
    def _agent_has_what_it_needs(self) -> Search:
        mistakes = list(self._fixed_mistakes() if self.agent == FIXED else self._search_mistakes())
        if self.torch is not None and self.agent != FIXED:
            mistakes.append(Mistake(f"no such key: '{FIXED}' takes it", at=("torch",)))
        if self.file is not None and self.agent not in _FILE_SUFFIXES:
            mistakes.append(Mistake(f"no file: '{self.agent}' reads none", at=("file",)))
        if self.activations != "int8" and str(self.brought_model).endswith(".tflite"):
            wanted = "no such key: what a .tflite file's are stands in it"
            mistakes.append(Mistake(wanted, at=("activations",)))
        if self.layout != "nhwc" and self.brought_model is None and self.torch is None:
            wanted = f"no layout: it is that of a model file, as '{FIXED}' takes one"
            mistakes.append(Mistake(wanted, at=("layout",)))
        mistakes += [
            Mistake(f"no such key: it is of a model file, as '{FIXED}' takes one", at=(key,))
            for key, usual in (("inputs", ()), ("outputs", ()), ("state", "cleared"))
            if getattr(self, key) != usual and self.brought_model is None
        ]
        if (self.llm is not None) != (self.agent == LLM):
            wanted = f"the key 'llm' with '{LLM}', and with no other agent"
            found = "nothing" if self.llm is None else None
            mistakes.append(Mistake(wanted, at=("llm",), found=found))
        if mistakes:
            raise Mistakes(*mistakes)
        return self

    def _fixed_mistakes(self) -> list[Mistake]:
        mistakes = []
        designs = ("architecture", "file", "torch")
        given = [f"'{key}'" for key in designs if getattr(self, key) is not None]
        if len(given) != 1:
            wanted = "one of 'architecture', 'file' and 'torch', the design to measure"
            mistakes.append(Mistake(wanted, found=" and ".join(given) or "none"))
        if self.score is not None:
            mistakes.append(Mistake(f"no score: '{FIXED}' has one design", at=("score",)))
        mistakes += [
            Mistake("1, since there is one design", at=(key,))
            for key in ("max_iterations", "candidates_per_iteration")
            if getattr(self, key) != 1
        ]
        return mistakes

    def _search_mistakes(self) -> list[Mistake]:
        mistakes = []
        if "max_iterations" not in self.model_fields_set:
            key = "max_iterations"
            mistakes.append(Mistake(f"the key '{key}'", at=(key,), found="nothing"))
        if self.architecture is not None:
            wanted = f"no architecture: '{self.agent}' makes its own; '{FIXED}' takes one"
            mistakes.append(Mistake(wanted, at=("architecture",)))
        if self.agent == REPLAY and self.file is None:
            wanted = "the key 'file': the transcripts.json of a finished search"
            mistakes.append(Mistake(wanted, at=("file",), found="nothing"))
        return mistakes

    @property
    def brought_model(self) -> str | None:
        """The model file that is built as it is, without any design or training."""
        fixed = self.agent == FIXED and self.file is not None
        return self.file if fixed and str(self.file).endswith(MODEL_SUFFIXES) else None
