"""Makes a file a little wrong, in ways its format gives: bytes alone seldom get past a checksum."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Mutation = Callable[[bytes, Random], bytes]

WORDS = (0, 1, 2, 3, 4, 7, 127, 128, 255, 256, 32767, 65535, 1 << 16, (1 << 31) - 1, 1 << 31)
FLOATS = (0.0, -0.0, -1.0, 1e-45, 1e-38, 3e38, float("inf"), float("nan"))
# What a person, or a program that goes wrong, puts where a value belongs.
SCALARS = (
    *(
        "",
        "~",
        "null",
        "[]",
        "{}",
        "true",
        "0",
        "-0",
        "-1",
        "1e999",
        ".nan",
        "-.inf",
        "0x10",
        "1_0",
    ),
    *("9" * 39, "9" * 20, "1e-400", "4294967296", "18446744073709551616", "0.1", "1.5e3", "3.0"),
    *("16 KiB", "1e99 GiB", "1e-99 ns", "-2 ms", "0 %", "100 %", "101 %", "5 \u00b5s", "nan %"),
    *(
        "a",
        "\u0663",
        "\u00e9",
        "\U0001f600",
        '"\\0"',
        '"\\ud800"',
        '"\\x1b[31m"',
        "a" * 300,
        "../x",
    ),
    *("/dev/zero", "*a", "&a 1", "!!python/name:os.system", "!x 1", "<<", "|", ">", "'", '"', "-"),
    *("- 1", "{a: 1}", "[1, 2]", "[[[[]]]]", "{a: {b: {c: 1}}}", "? x", "%TAG", "---", "...", "#"),
    *("optimizer", "fixed", "csv", "npz", "wheel", "group", "random", "chronological", "data.csv"),
)
CELLS = (
    *(
        "",
        " ",
        "0",
        "-0",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "1e39",
        "9" * 400,
        "1_0",
        "0x10",
        "\u0663",
    ),
    *("1,5", '"', '""', '"a\nb"', "\0", "\r", "cat", "dog", "true", "None", "1e308", "-1e308"),
    *("2026-01-01", "2026-01-01T00:00:00+23:59", "0001-01-01T00:00:00+14:00", "9999-12-31", "1e20"),
)
DESCRS = (
    *("<f8", "<f4", ">i2", "<i8", "|b1", "|S5", "<U3", "<M8[s]", "<M8[Y]", "<m8[ns]", "|O", "|V8"),
    *("<c16", "<f2", "<f16", "|u1", "<u8", "<M8", "<U0", "|S0", "|V0"),
)


def _some_word(data: bytes, random: Random) -> bytes:
    size = random.choice((1, 2, 4, 4, 4, 8))
    kind = random.randrange(4)
    if kind == 0 and size == 4:
        return struct.pack("<f", random.choice(FLOATS))
    if kind == 1 and len(data) > size:
        at = random.randrange(len(data) - size)
        return data[at : at + size]
    value = random.choice(WORDS) * random.choice((1, -1)) + random.randrange(-2, 3)
    return (value % (1 << 8 * size)).to_bytes(size, "little")


def binary(data: bytes, random: Random) -> bytes:
    """Overwrites a word, mostly an aligned one; now and then cuts, doubles or flips."""
    if not data:
        return b"\0"
    kind = random.randrange(12)
    at = random.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[random.randrange(len(data)) :]
    if kind in {2, 3}:
        return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    word = _some_word(data, random)
    at -= at % len(word) if random.randrange(4) else 0
    return data[:at] + word + data[at + len(word) :]


def yaml_text(data: bytes, random: Random) -> bytes:
    """Changes a line: its value, its key, its indentation, its place, or how often it is there."""
    lines = data.decode("utf-8", "replace").split("\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    key, colon, value = lines[at].partition(": ")
    scalar = random.choice(SCALARS)
    kind = random.randrange(9)
    if kind <= 2:
        lines[at] = f"{key}: {scalar}"
    elif kind == 3:
        lines[at] = lines[other].partition(":")[0] + colon + value
    elif kind == 4:
        lines[at] = " " * random.randrange(4) + lines[at].lstrip() if at else lines[at]
    elif kind == 5:
        del lines[at]
    elif kind == 6:
        lines.insert(at, lines[other])
    elif kind == 7:
        place = random.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + scalar + lines[at][place:]
    else:
        return binary(data, random)
    return "\n".join(lines).encode("utf-8", "replace")


def csv_text(data: bytes, random: Random) -> bytes:
    """Changes a cell, or a row's place or number."""
    rows = [row.split(",") for row in data.decode("utf-8", "replace").split("\n")]
    row = random.choice(rows)
    at = random.randrange(len(rows))
    kind = random.randrange(8)
    if kind <= 3:
        row[random.randrange(len(row))] = random.choice(CELLS)
    elif kind == 4:
        rows.insert(at, row)
    elif kind == 5:
        del rows[at]
    elif kind == 6:
        row.insert(random.randrange(len(row) + 1), random.choice(CELLS))
    else:
        return binary(data, random)
    return "\n".join(",".join(cells) for cells in rows).encode("utf-8", "replace")


def gzipped(data: bytes, random: Random) -> bytes:
    """Changes the text within, or the archive."""
    try:
        text = gzip.decompress(data)
    except Exception:  # noqa: BLE001 - a broken archive is changed as bytes
        return binary(data, random)
    if random.randrange(4) == 0:
        return binary(data, random)
    return gzip.compress(csv_text(text, random), mtime=0)


def _header(data: bytes, random: Random) -> bytes:
    """Another dtype or shape in the header of a `.npy` file."""
    shape = ", ".join(str(random.choice((*WORDS, -1, 10**19))) for _ in range(random.randrange(4)))
    descr = repr(random.choice(DESCRS))
    if random.randrange(6) == 0:
        descr = f"[('a', {descr})]"
    text = f"{{'descr': {descr}, 'fortran_order': {random.choice((True, False))}, "
    text += f"'shape': ({shape}{',' if shape else ''})}}\n"
    return data[:8] + struct.pack("<H", len(text)) + text.encode() + data[-random.randrange(200) :]


def npy(data: bytes, random: Random) -> bytes:
    """Changes the header, or bytes."""
    return _header(data, random) if random.randrange(3) == 0 else binary(data, random)


def _zipped(data: bytes, random: Random, change: Mutation) -> bytes:
    if random.randrange(8) == 0:
        return binary(data, random)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # noqa: BLE001 - a broken archive is changed as bytes
        return binary(data, random)
    if not members:
        return binary(data, random)
    at = random.randrange(len(members))
    kind = random.randrange(12)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (random.choice(("a.npy", "x", "../x.npy", "", "x.npy.npy")), members[at][1])
    else:
        members[at] = (members[at][0], change(members[at][1], random))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", random.choice((0, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def npz(data: bytes, random: Random) -> bytes:
    """Changes an array in the archive, or the archive."""
    return _zipped(data, random, npy)


def json_text(data: bytes, random: Random) -> bytes:
    """Replaces a value of a JSON text by another one of it, or by an odd one."""
    text = data.decode("utf-8", "replace")
    starts = [at for at, letter in enumerate(text) if letter == ":"]
    if not starts:
        return binary(data, random)
    at = random.choice(starts) + 1
    end = min((text.find(mark, at) for mark in ",}" if text.find(mark, at) > 0), default=len(text))
    odd = ("null", "-1", "0", "1", "2.5", '"x"', "[]", "{}", "true", "[null, 3]", '"relu"', "1e9")
    other = random.choice(starts) + 1
    stop = min((text.find(mark, other) for mark in ",}" if text.find(mark, other) > 0), default=at)
    value = random.choice(odd) if random.randrange(2) else text[other:stop]
    return (text[:at] + value + text[end:]).encode()


def keras(data: bytes, random: Random) -> bytes:
    """Changes the configuration in a `.keras` archive; weights stay, HDF5 is not ours to test."""

    def change(content: bytes, random: Random) -> bytes:
        return json_text(content, random) if content[:1] == b"{" else content

    return _zipped(data, random, change)
