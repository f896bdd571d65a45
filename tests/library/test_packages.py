"""The library as an Arduino library and as a CMSIS-Pack, held against their specifications."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.graph import process
from tests.helpers.libraries import TIMEOUT_S, Library, make

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# https://docs.arduino.cc/arduino-cli/library-specification: required fields, and known categories.
REQUIRED = {
    *("name", "version", "author", "maintainer", "sentence", "paragraph"),
    *("category", "url", "architectures"),
}
ALLOWED = REQUIRED | {"includes", "depends", "dot_a_linkage", "precompiled", "ldflags"}
SPDX = re.compile(r"SPDX-License-Identifier: ([\w. -]+?)(?: \*/| -->)?$", re.MULTILINE)
CATEGORIES = {
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control"),
    *("Timing", "Data Storage", "Data Processing", "Other", "Uncategorized"),
}
# What every core's Arduino.h has that the sketch uses, on this computer.
ARDUINO = """\
#include <cstdio>
#include <cstdlib>
struct Console {
    void begin(long) {}
    void print(const char *text) { std::printf("%s", text); }
    void println(const char *text) { std::printf("%s\\n", text); }
    void println(double value) { std::printf("%.2f\\n", value); }
};
static Console Serial;
static int delays;
static void delay(unsigned long) { if (++delays == 30) { std::exit(0); } }
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Library]:
    """One for each engine, of other tasks."""
    folder = tmp_path_factory.mktemp("libraries")
    return {
        "gesture": make(folder / "gesture", "gesture", "detection", engine=AOT),
        "pump": make(folder / "pump", "pump", "anomaly", engine=TFLM),
    }


@pytest.mark.parametrize("name", ["gesture", "pump"])
def test_it_keeps_to_the_specification_of_arduinos_libraries(
    name: str, libraries: Mapping[str, Library]
) -> None:
    """Fields, layout, and sketches that are called as their folders."""
    folder = libraries[name].folder
    lines = (folder / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(fields) >= REQUIRED
    assert set(fields) <= ALLOWED
    assert all(fields.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in CATEGORIES
    assert not fields["sentence"].startswith(fields["name"])
    for include in fields["includes"].split(","):
        assert (folder / "src" / include).is_file()
    sketches = [path for path in (folder / "examples").iterdir() if path.is_dir()]
    assert sketches
    assert all((path / f"{path.name}.ino").is_file() for path in sketches)
    assert not {"utility", "dependencies"} & {path.name for path in folder.iterdir()}
    # Arduino compiles all of src, however deep, with src alone as a folder of headers.
    suffixes = {path.suffix for path in (folder / "src").rglob("*") if path.is_file()}
    assert suffixes <= {".c", ".cc", ".h"}


@pytest.mark.slow
def test_the_sketch_compiles_and_runs_as_arduino_builds_it(
    libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """All of src at -Os in GNU's dialects, the sketch as C++ behind Arduino.h."""
    folder = libraries["gesture"].folder
    (sketch,) = (folder / "examples").rglob("*.ino")
    main = tmp_path / "sketch.cpp"
    end = "\nint main(void) { setup(); for (;;) { loop(); } }\n"
    main.write_text(ARDUINO + sketch.read_text() + end)
    include = f"-I{folder / 'src'}"
    sources = [str(path) for path in (folder / "src").rglob("*.c")]
    objects = []
    for at, source in enumerate(sources):
        objects.append(str(tmp_path / f"{at}.o"))
        argv = ["gcc", "-std=gnu11", "-Os", include, "-c", source, "-o", objects[-1]]
        process.check(argv, timeout_s=TIMEOUT_S)
    program = str(tmp_path / "sketch")
    argv = ["g++", "-std=gnu++17", "-Wall", "-Werror", "-Os", include, str(main), *objects]
    process.check([*argv, "-o", program], timeout_s=TIMEOUT_S)
    first, _, rest = process.check([program], timeout_s=TIMEOUT_S).partition("\n")
    assert first == "gesture 1.2.3: self-test passed"
    # Of 30 rows, the window's 12th and each second one from then on have a result.
    labels = "|".join(map(re.escape, libraries["gesture"].facts.card.labels))
    assert re.fullmatch(rf"(({labels})\n){{10}}", rest)


@pytest.mark.parametrize("name", ["gesture", "pump"])
def test_the_pack_describes_each_source_and_holds_the_folder(
    name: str, libraries: Mapping[str, Library]
) -> None:
    """What PACK.xsd wants of it; every file that it names is there."""
    folder = libraries[name].folder
    text = (folder / f"MLForge.{name}.pdsc").read_text()
    package = ET.fromstring(text)  # noqa: S314 - ours
    order = ["vendor", "name", "description", "url", "license", "releases", "keywords"]
    order += ["conditions", "components"] if name == "pump" else ["components"]
    assert [one.tag for one in package] == order
    (release,) = package.iter("release")
    assert release.get("version") == "1.2.3"
    (component,) = package.iter("component")
    conditions = {one.get("id") for one in package.iter("condition")}
    assert conditions == ({component.get("condition")} - {None})
    files = {one.get("name"): one.get("category") for one in component.iter("file")}
    assert all((folder / str(path)).exists() for path in files)
    compiled = {
        str(path.relative_to(folder))
        for path in (folder / "src").rglob("*")
        if path.suffix in {".c", ".cc"}
    }
    assert {path for path, kind in files.items() if str(kind).startswith("source")} == compiled

    pack = zipfile.ZipFile(io.BytesIO((folder / f"MLForge.{name}.1.2.3.pack").read_bytes()))
    there = {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pack"}
    assert {str(path.relative_to(folder)) for path in there} == set(pack.namelist())
    assert pack.read(f"MLForge.{name}.pdsc").decode() == text
    assert {one.date_time[0] for one in pack.infolist()} == {1980}


@pytest.mark.parametrize("name", ["gesture", "pump"])
def test_every_file_says_its_licence(name: str, libraries: Mapping[str, Library]) -> None:
    """As SPDX writes it; the texts lie beside them."""
    folder = libraries[name].folder
    licences = set()
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pack" and path.parent.name != "LICENSES":
            head = path.read_text()[:200]
            found = re.search(
                r"SPDX-License-Identifier: ([\w. -]+?)(?: \*/| -->)?$", head, re.MULTILINE
            )
            assert found is not None, path
            licences |= set(found[1].split(" AND "))
    texts = {path.stem for path in (folder / "LICENSES").iterdir()}
    assert licences == texts == {"Apache-2.0", "LicenseRef-data", "LicenseRef-model"}
