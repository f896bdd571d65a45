"""The contract's model: defaults, derived figures, what a stage may read, and the real files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.loader import load
from mlforge_tasks.contract.targets import OWN
from mlforge_tasks.errors import ContractError
from mlforge_tasks.records import canonical_json
from mlforge_tasks.verdict import clauses
from tests.helpers.contract_cases import GOOD, project
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = sorted((ROOT / "contracts").glob("*.yaml"))


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """The good contract of the table of broken ones."""
    return load(project(tmp_path, GOOD), tmp_path)


def test_yaml_becomes_plain_numbers(contract: Contract) -> None:
    """Units are gone after loading; each number's unit is in its name."""
    assert contract.limits.ram_bytes == 16 << 10
    assert contract.limits.latency_us == 2000.0
    assert contract.margins.flash_share == 0.1
    assert contract.goal.target == 0.72
    assert contract.training.time_limit_s == 300.0
    assert contract.training.memory_limit_bytes == 6 << 30


def test_what_may_be_left_out_has_a_default(tmp_path: Path) -> None:
    """Only what has no sensible default must be written."""
    optional = "stack margins batch_size learning_rate patience time_limit memory_limit seed"
    optional += " candidates_per_iteration"
    short = re.sub(rf"(?m)^ *({optional.replace(' ', '|')}):.*\n", "", GOOD)
    found = load(project(tmp_path, short), tmp_path)
    assert found.limits.stack_bytes is None
    assert found.search.candidates_per_iteration == 1
    assert found.effective_limits() == {
        "ram_bytes": 16 << 10,
        "flash_bytes": 64 << 10,
        "latency_us": 2000.0,
    }


def test_a_latency_limit_binds_the_statistic_it_names(tmp_path: Path) -> None:
    """p99 is judged, with its margin, where the contract says so, and the median otherwise."""
    for statistic, metric in (("median", "latency_us"), ("p99", "latency_p99_us")):
        line = f"latency: 2 ms\n  latency_statistic: {statistic}"
        text = GOOD.replace("latency: 2 ms", line).replace("flash: 10 %", "latency: 10 %")
        contract = load(project(tmp_path, text), tmp_path)
        limits = {bound.metric: bound for bound in clauses.bounds(contract)}
        assert limits[metric].limit == 1800.0
        assert limits[metric].contract_key == "limits.latency"
        assert len({*limits} & {"latency_us", "latency_p99_us"}) == 1
        assert contract.margins_by_metric()[metric] == 0.1


def test_margins_tighten_limits(contract: Contract) -> None:
    """10 % off 64 KiB leaves 58982.4 bytes, and a bound on bytes is rounded down."""
    assert contract.effective_limits() == {
        "ram_bytes": 16 << 10,
        "flash_bytes": 58982,
        "latency_us": 2000.0,
        "stack_bytes": 2 << 10,
    }


def test_only_classes_have_weights(tmp_path: Path) -> None:
    """`training.class_weights` is told as a mistake where there are no classes."""
    balanced = "batch_size: 128\n  class_weights: balanced\n"
    text = GOOD.replace("batch_size: 128\n", balanced)
    assert load(project(tmp_path, text), tmp_path).training.class_weights == "balanced"
    text = text.replace("task: classification", "task: regression")
    text = text.replace("labels: [rest, walk], column: activity", "outputs: [{name: y, unit: g}]")
    with pytest.raises(ContractError, match=r"training\.class_weights: .* regression has no cl"):
        load(project(tmp_path, text), tmp_path)


def test_activations_are_int16_where_something_runs_them(tmp_path: Path) -> None:
    """Engine `aot` does, of a network that is yet to be quantised, for all that reads no int8."""
    (tmp_path / "a.tflite").touch()
    wide = GOOD.replace("agent: optimizer", "agent: optimizer\n  activations: int16")
    assert load(project(tmp_path, wide), tmp_path).search.activations == "int16"
    for found, changed, told in (
        ("engine: aot", "engine: tflm", "engine 'tflm' has TensorFlow Lite Micro"),
        ("engine: aot", "engine: aot\n  mlperf: kws01", "runner sends int8"),
        ("engine: aot", "engine: aot\n  patches: streamed", "comes by rows is int8"),
        (
            "agent: optimizer",
            "agent: fixed\n  file: a.tflite",
            r"a \.tflite file's are stands in it",
        ),
    ):
        assert found in wide
        with pytest.raises(ContractError, match=rf"search\.activations: .*{told}"):
            load(project(tmp_path, wide.replace(found, changed)), tmp_path)


def test_a_state_is_kept_where_examples_are_a_stream(tmp_path: Path) -> None:
    """That of a model file, whose examples have an order, with an engine that keeps it."""
    (tmp_path / "a.tflite").touch()
    kept = GOOD.replace("agent: optimizer", "agent: fixed\n  file: a.tflite\n  state: kept")
    kept = re.sub(r"\n  (max_iterations|candidates_per_iteration): .*", "", kept)
    assert load(project(tmp_path, kept), tmp_path).search.state == "kept"
    assert load(project(tmp_path, GOOD), tmp_path).search.state == "cleared"
    for found, changed, told in (
        ("engine: aot", "engine: tflm", "engine 'tflm' keeps none"),
        ("engine: aot", "engine: aot\n  mlperf: kws01", "examples are each for itself"),
        ("engine: aot", "engine: aot\n  patches: streamed", "not computed by rows"),
        ("file: a.tflite", "architecture: [{kind: flatten}]", "it is of a model file"),
    ):
        assert found in kept
        with pytest.raises(ContractError, match=rf"search\.state: .*{told}"):
            load(project(tmp_path, kept.replace(found, changed)), tmp_path)
    rows = re.sub(r"(?m)^  (window|group|time|missing):.*\n", "", kept)
    rows = re.sub(r"split: .*", "split: {rule: random, validation: 0.2, test: 0.2, seed: 1}", rows)
    with pytest.raises(ContractError, match=r"search\.state: .*at random have no order"):
        load(project(tmp_path, rows), tmp_path)


def test_a_layout_is_that_of_a_model_file(tmp_path: Path) -> None:
    """`search.layout` is for a file that `fixed` measures as it is, and for nothing else."""
    (tmp_path / "a.tflite").write_bytes(b"")
    model = "agent: fixed\n  file: a.tflite\n  layout: nchw"
    text = re.sub(r"(?m)^  max_iterations:.*\n", "", GOOD.replace("agent: optimizer", model))
    assert load(project(tmp_path, text), tmp_path).search.layout == "nchw"
    with pytest.raises(ContractError, match=r"search\.layout: .* 'nhwc' or 'nchw'"):
        load(project(tmp_path, text.replace("nchw", "nhcw")), tmp_path)
    design = GOOD.replace("agent: optimizer", "agent: optimizer\n  layout: nchw")
    with pytest.raises(
        ContractError, match=r"search\.layout: .* wanted no layout: it is that of a"
    ):
        load(project(tmp_path, design), tmp_path)


def test_only_anomalies_have_scores(tmp_path: Path) -> None:
    """`search.score` says which score may be proposed, where there is one and somebody proposes."""
    shuttle = (ROOT / "contracts" / "shuttle.yaml").read_text()
    agent = "agent: optimizer, max_iterations: 6"
    text = shuttle.replace(agent, f"{agent}, score: distance")
    assert load(project(tmp_path, text), tmp_path).search.score == "distance"
    design = "architecture: [{kind: k_means, clusters: 2}]"
    fixed = shuttle.replace(agent, f"agent: fixed, score: distance, {design}")
    with pytest.raises(ContractError, match=r"search\.score: .* wanted no score: 'fixed' has one"):
        load(project(tmp_path, fixed), tmp_path)
    text = GOOD.replace("  agent: optimizer\n", "  agent: optimizer\n  score: distance\n")
    with pytest.raises(ContractError, match=r"search\.score: .* classification has no score"):
        load(project(tmp_path, text), tmp_path)


def test_a_stage_reads_what_it_declares(contract: Contract) -> None:
    """A projection is flat, JSON, and holds exactly the fields asked for."""
    fields = ("training.epochs", "training.time_limit_s", "margins", "task")
    assert contract.project(fields) == {
        "training.epochs": 40,
        "training.time_limit_s": 300.0,
        "margins": {
            "ram_share": 0.0,
            "flash_share": 0.1,
            "latency_share": 0.0,
            "stack_share": 0.0,
        },
        "task": "classification",
    }
    canonical_json(contract.project(Contract.model_fields))


@pytest.mark.parametrize(
    "field", ["", "epochs", "training.epoch", "training.epochs.x", "limits.ram", "goal.direction"]
)
def test_a_field_that_is_not_there_is_a_key_error(contract: Contract, field: str) -> None:
    """YAML keys, properties and misspelt names are not fields."""
    with pytest.raises(KeyError) as caught:
        contract.project((field,))
    assert caught.value.args == (field,)


def test_a_contract_survives_its_own_json(contract: Contract) -> None:
    """What a stage gets as configuration can be read back as the same record."""
    assert Contract.from_dump(contract.model_dump(mode="json")) == contract


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_the_contracts_of_the_project_are_valid(path: Path) -> None:
    """Every file in `contracts/` loads, and its margins leave something."""
    found = load(path, ROOT)
    assert all(bound > 0 for bound in found.effective_limits().values())
    assert Contract.from_dump(found.model_dump(mode="json")) == found


def test_loading_is_light() -> None:
    """The contract is read at every start, so nothing heavy may come with it."""
    heavy = "doit jinja2 keras matplotlib numpy optuna serial tensorflow tflite tflite_micro"
    code = (
        "import sys, mlforge_tasks.contract.loader\n"
        f"print(*(name for name in {heavy.split()} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not done.stdout.strip()


def _schema_rows(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, bool]]:
    """(section, key, required) of everything a contract may hold, as the reference names it."""
    definitions = schema.get("$defs", {})

    def walk(part: dict[str, Any], path: str) -> Iterator[tuple[str, str, bool]]:
        if "$ref" in part:
            part = definitions[part["$ref"].rpartition("/")[2]]
        for alternative in part.get("anyOf", ()):
            yield from walk(alternative, path)
        discriminator = part.get("discriminator", {})
        for tag, reference in discriminator.get("mapping", {}).items():
            name = f"{path} {discriminator['propertyName']}: {tag}".strip()
            yield from walk({"$ref": reference}, name)
        if "items" in part:
            yield from walk(part["items"], f"{path}[]")
        for key, inner in part.get("properties", {}).items():
            yield path, key, key in part.get("required", ())
            yield from walk(inner, f"{path.partition(' ')[0]}.{key}".strip("."))

    yield from walk(schema, path)


def _page_rows(page: str) -> Iterator[tuple[str, str, bool]]:
    """The same, from the tables of the reference page."""
    sections: list[str] = []
    for line in page.splitlines():
        if line.startswith("#"):
            names = re.findall(r"`([^`]+)`", line)
            tags = [name for name in names if ": " in name]
            paths = [name for name in names if ": " not in name] or [""]
            sections = [f"{path} {tag}".strip() for path in paths for tag in tags or [""]]
        row = re.match(r"\| `([^`]+)` \| [^|]+ \| ([^|]+) \| `[^|]+` \| [^|]*\|$", line)
        if row:
            for section in sections:
                yield section, row[1], row[2] == "required"


def test_the_reference_page_names_every_field() -> None:
    """`docs/contract.md` has a row for each key, says which are required, and has no other row.

    The layers of an architecture are a language of their own, which `docs/agents.md` lists. Of
    several targets each has the keys of one, and what stands at `targets[]`.
    """
    page = (ROOT / "docs" / "contract.md").read_text()
    rows = _schema_rows(Contract.model_json_schema())
    elsewhere = ("search.architecture[]", "targets[].")
    keys = [
        row
        for row in rows
        if not row[0].startswith(elsewhere) and (row[0] != "targets[]" or row[1] in OWN)
    ]
    assert sorted(_page_rows(page)) == sorted(keys)
