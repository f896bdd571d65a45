"""`search.torch`: a user's function, and the files that it is made of; PyTorch is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.loader import load
from mlforge_tasks.contract.torch_network import Sources, check
from mlforge_tasks.errors import ContractError, ToolError
from mlforge_tasks.graph import torch_venv
from mlforge_tasks.pipeline import preflight
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.yaml_file import Mistake
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

NETS = "tests/data/torch_nets/nets.py"
TORCH = ("agent: random_search, max_iterations: 3", f"agent: fixed, torch: '{NETS}:conv'")


def test_a_network_is_the_files_that_it_imports_of_the_project(tmp_path: Path) -> None:
    """Beside the file, from the root, relative, packages; nothing that is installed."""
    sources = {
        "nets/my.py": "import torch\nfrom blocks import one\nimport lib.deep.two as two\n",
        "nets/blocks.py": "from torch import nn\nimport numpy\n",
        "nets/unused.py": "",
        "lib/__init__.py": "",
        "lib/deep/__init__.py": "from . import three\n",
        "lib/deep/two.py": "from .three import x\n",
        "lib/deep/three.py": "import my\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {str(one) for one in Sources("nets/my.py")(tmp_path)}
    assert found == set(sources) - {"nets/unused.py"}


def test_a_network_in_a_package_is_its_packages_too(tmp_path: Path) -> None:
    """What runs when it is imported; and what it imports by the package's name."""
    names = ("src/nets/__init__.py", "src/nets/big/__init__.py", "src/nets/big/my.py")
    for name in (*names, "src/nets/blocks.py", "src/nets/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / names[2]).write_text("from ..blocks import one\nimport nets.other\n")
    found = {str(one) for one in Sources(names[2])(tmp_path)}
    assert found == {*names, "src/nets/blocks.py", "src/nets/other.py"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{NETS}:konv", "it has .*conv.*failing"),
        ("tests/data/nothing.py:build", "no 'tests/data/nothing.py'"),
        ("broken.py:build", "broken.py:2"),
    ],
)
def test_a_function_is_looked_for_before_anything_starts(
    text: str, said: str, tmp_path: Path
) -> None:
    """By the source alone: nothing of it is run."""
    root = tmp_path if text.startswith("broken") else ROOT
    (tmp_path / "broken.py").write_text("import os\ndef build(:\n")
    with pytest.raises(Mistake, match=said):
        check(text, root)


def test_channels_come_first_unless_it_is_said(tmp_path: Path) -> None:
    """As PyTorch's convolutions have them; a recurrent layer with `batch_first` wants them last."""
    first = load(edited(TANK, tmp_path, TORCH), ROOT)
    last = load(edited(TANK, tmp_path, (TORCH[0], f"{TORCH[1]}, layout: nhwc")), ROOT)
    assert (first.search.layout, last.search.layout) == ("nchw", "nhwc")
    for one in (first, last):  # what is written out is read the same
        assert Contract.from_dump(one.model_dump(mode="json")).search.layout == one.search.layout


def test_a_training_that_is_keras_alone_is_refused(tmp_path: Path) -> None:
    """Rather than left out in silence."""
    varied = ("patience: 4}", "patience: 4, augment: {noise: 0.1}}")
    with pytest.raises(ContractError, match=r"training\.augment"):
        load(edited(TANK, tmp_path, TORCH, varied), ROOT)


def test_a_network_is_probed_then_trained(tmp_path: Path) -> None:
    """In the order of any design, of the same inputs, and without a proposal."""
    contract = load(edited(TANK, tmp_path, TORCH), ROOT)
    (chain,) = make_plan(contract, "tank", root=ROOT, build=tmp_path).iterations[0].candidates
    names = list(chain.stages)
    assert names.index("probe_run") < names.index("admit") < names.index("train")
    assert names.index("train") < names.index("quantise") < names.index("run")
    assert not {"render", "screen"} & set(names)
    for name in ("train", "probe_quantise", "quantise"):
        assert chain[name].config["search.layout"] == "nchw"
        assert chain[name].config["search.torch"] == f"{NETS}:conv"
    assert chain["train"].inputs["admit"] is chain["admit"]
    assert chain["quantise"].inputs["train"] is chain["train"]


def test_without_pytorch_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told where it was looked for, and how to get it."""
    monkeypatch.setenv(torch_venv.VARIABLE, str(tmp_path / "none"))
    contract = load(edited(TANK, tmp_path, TORCH), ROOT)
    plan = make_plan(contract, "tank", root=ROOT, build=tmp_path / "build")
    with pytest.raises(ToolError, match=r"none/bin/python'\n.*bootstrap --torch"):
        preflight.require(plan, None)
