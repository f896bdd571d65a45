"""The sections on the model: its drawing, profile, memory map and arena, whatever there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.build_report import ProcessReport
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.page import architecture, arena, memory_map, profile
from mlforge_tasks.page.found import Found
from mlforge_tasks.page.memory import IMAGE
from mlforge_tasks.page.network import places
from mlforge_tasks.page.page import make
from mlforge_tasks.records import LayerCost, Profile
from tests.helpers import graphs, small_models
from tests.helpers.aot_patches import pyramid
from tests.helpers.page_reports import HOSTILE, Parsed, real
from tests.helpers.small_models import QUANT

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.engines import Engine
    from mlforge_tasks.page.section import Section
    from mlforge_tasks.records import Source
    from tests.helpers.aot_writer import Ref, Writer

BEST = real().best
CPU = "cortex-m3"


def _found(folder: Path, tflite: bytes, engine: Engine = AOT, limit: int | None = None) -> Found:
    """A model, and what an engine makes of it."""
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(tflite)
    made = engine.generate(tflite, CPU, arena_limit_bytes=limit)
    EngineReport(
        engine=engine.name,
        cpu=CPU,
        arena_bytes=made.arena_bytes,
        layers=made.layers,
        patches=made.patches,
        arena=made.arena,
    ).write(folder / REPORT)
    stages = ("quantise", "engine", "run", "firmware")
    return Found(real(), {f"{BEST}.{stage}": folder for stage in stages})


def _measure(folder: Path, source: Source) -> None:
    layers = EngineReport.read(folder / REPORT).layers
    emulated = source == "emulated"
    costs = [
        LayerCost(
            **one.model_dump(),
            share=1 / len(layers),
            instructions=1000 if emulated else None,
            cycles_lower=1100.0 if emulated else None,
            cycles_upper=1234.0 if emulated else None,
            time_us=12.5,
            instructions_per_mac=None,
        )
        for one in layers
    ]
    Profile(source=source, layers=tuple(costs)).write(folder / profile.PROFILE)


def _text(section: Section | None) -> str:
    assert section is not None
    return " ".join(Parsed(section.body).text.split())


def test_nothing_is_told_of_what_is_not_there() -> None:
    """A search that has not come to a model yet."""
    for each in (architecture, profile, memory_map, arena):
        assert each.section(Found(real())) is None


def test_a_detour_is_drawn_and_told(tmp_path: Path) -> None:
    """The list is the drawing's text: what reads something else than the line above says so."""

    def add(writer: Writer, source: Ref) -> int:
        around, output = (writer.activation(small_models.SHAPE, QUANT, 1.0) for _ in range(2))
        writer.operator("RELU", [source.index], [around.index])
        writer.operator("ADD", [around.index, source.index], [output.index])
        return output.index

    found = _found(tmp_path, small_models.model(small_models.SHAPE, add))
    drawn = places((tmp_path / "model.tflite").read_bytes())
    assert [one.number for one in drawn] == [None, *range(1, len(drawn))]
    assert drawn[-1].is_output
    assert drawn[-1].reads == "1 and the input"
    text = _text(architecture.section(found))
    assert "a line beside them" in text
    for one in drawn:
        assert f"{one.op} " in text
        assert one.reads in text


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_graph_is_drawn(seed: int, tmp_path: Path) -> None:
    """Several inputs and outputs, states, operators of every kind."""
    for make_model in (graphs.several_graph, graphs.recurrent_graph, graphs.random_graph):
        tflite = make_model(seed)
        found = _found(tmp_path, tflite)
        section = architecture.section(found)
        assert section is not None
        assert len(Parsed(section.body).all("li")) == len(places(tflite))
        assert len(Parsed(section.body).all("circle")) == len(places(tflite))


def test_parameters_are_weights_and_biases() -> None:
    """Not the shape that a RESHAPE reads."""
    _, conv = places(small_models.conv())
    assert conv.parameters == 6 * 3 * 3 * small_models.CHANNELS + 6
    assert conv.weight_bytes == 6 * 3 * 3 * small_models.CHANNELS + 4 * 6
    assert conv.options == "kernel 3\N{MULTIPLICATION SIGN}3"
    assert not sum(one.parameters for one in places(small_models.squeezed()) if "SH" in one.op)


@pytest.mark.parametrize("source", ["emulated", "hardware"])
def test_a_profile_says_where_it_was_measured(source: Source, tmp_path: Path) -> None:
    """Only an emulator counts instructions; what it tells is never called hardware."""
    found = _found(tmp_path, small_models.conv())
    _measure(tmp_path, source)
    text = _text(profile.section(found))
    assert (source in text, "1,100 to 1,234" in text) == (True, source == "emulated")
    assert ("no hardware latency" in text) == (source == "emulated")
    assert "12.5 us, 100 %" in text


def test_without_a_profile_the_page_says_why(tmp_path: Path) -> None:
    """And has what the engine knows."""
    found = _found(tmp_path, small_models.conv())
    (tmp_path / "measurements.json").write_text('{"no_profile": "region RAM overflowed"}')
    text = _text(profile.section(found))
    assert "region RAM overflowed" in text
    assert "CONV_2D" in text


def test_an_arena_has_its_peak_and_who_lies_in_whose_memory(tmp_path: Path) -> None:
    """In stripes too; the same model gives the same bytes."""
    found = _found(tmp_path, pyramid(), limit=0)
    section, again = arena.section(found), arena.section(found)
    assert section == again
    text, engine = _text(section), EngineReport.read(tmp_path / REPORT)
    assert engine.arena is not None
    assert engine.patches is not None
    assert "Most of it is needed at layer" in text
    assert " run " in text
    assert "further on each turn" in text
    at = arena.peaks(engine.arena, len(engine.layers))
    assert 0 < arena.needed_at(engine.arena, at[0]) <= engine.arena_bytes


def test_bytes_that_several_need_count_once() -> None:
    """An output that lies where its input was takes nothing more."""
    made = AOT.generate(small_models.squeezed(), CPU)
    assert made.arena is not None
    for step in range(len(made.layers)):
        needed = arena.needed_at(made.arena, step)
        alive = [one for one in made.arena.lives if one.first <= step <= one.last]
        assert needed <= made.arena_bytes
        assert needed >= max(one.size_bytes for one in alive)


def test_tensorflow_lite_micros_plan_is_not_made_up(tmp_path: Path) -> None:
    """It plans on the device, and the page says so."""
    text = _text(arena.section(_found(tmp_path, small_models.conv(), TFLM)))
    assert "plans its arena on the device" in text


def test_a_process_has_no_map(tmp_path: Path) -> None:
    """An operating system puts it where it likes."""
    found = _found(tmp_path, small_models.conv())
    (tmp_path / IMAGE).write_bytes(b"\x7fELF")
    ProcessReport(firmware_id="0" * 64).write(tmp_path / "firmware.json")
    assert "there is no map of it" in _text(memory_map.section(found))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_a_model_file_are_text(name: str, tmp_path: Path) -> None:
    """A model file is somebody else's."""

    def renamed(model: object) -> None:
        for tensor in model.subgraphs[0].tensors:  # type: ignore[attr-defined]
            tensor.name = name.encode()

    plain = make(_found(tmp_path / "plain", small_models.conv()))
    hostile = make(_found(tmp_path, small_models.altered(small_models.conv(), renamed)))
    tags = [[tag for tag, _ in Parsed(one).tags] for one in (plain, hostile)]
    assert tags[0] == tags[1]
