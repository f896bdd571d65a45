"""The content-addressed store keeps what it is given and never returns anything else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlforge_tasks.graph.files import CorruptError, Tree
from mlforge_tasks.graph.manifest import Manifest
from mlforge_tasks.graph.store import ActionResult, Store, key_of
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED: dict[str, object] = {"stage": "x", "config": {"seed": 1}}


def put(store: Store, data: bytes, folder: Path) -> str:
    source = folder / "source"
    source.write_bytes(data)
    return store.put_blob(source)


def result(digest: str, document: dict[str, object] | None = None) -> ActionResult:
    manifest = Manifest(status="ok", outputs={"out": digest})
    return ActionResult(manifest=manifest, key_document=document or ASKED, seconds=1.0)


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@settings(max_examples=25)
@given(data=st.binary(max_size=4096))
def test_round_trip(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A blob comes back byte for byte under its own sha256."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder / "s")
    digest = put(store, data, folder)
    assert digest == sha256_bytes(data)
    assert store.get_blob(digest, folder / "copy")
    assert (folder / "copy").read_bytes() == data


def test_a_copy_is_not_a_link(tmp_path: Path) -> None:
    """Appending to a restored output leaves the blob whole."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    store.get_blob(digest, tmp_path / "copy")
    with (tmp_path / "copy").open("ab") as file:
        file.write(b"!")
    assert store.blob_path(digest).read_bytes() == b"abc"


def test_a_corrupt_blob_is_a_miss_and_is_dropped(tmp_path: Path) -> None:
    """A blob whose bytes no longer match its name is never handed out."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    store.put_result(result(digest))
    blob = store.blob_path(digest)
    rewrite(blob, b"abd")
    assert store.get_result(ASKED) is None
    assert not blob.exists()
    assert not store.get_blob(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_corrupt_blob_is_replaced_when_it_is_made_again(tmp_path: Path) -> None:
    """Storing the right bytes again mends the store."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    rewrite(store.blob_path(digest), b"")
    assert put(store, b"abc", tmp_path) == digest
    assert store.get_blob(digest, tmp_path / "copy")


def unsealed(entry: ActionResult) -> bytes:
    return canonical_json(entry.model_dump(mode="json")) + b"\n"


def sealed(rest: bytes) -> bytes:
    """What has a right checksum, and nothing else of an entry."""
    return b'{"checksum":"' + sha256_bytes(rest).encode() + b'",' + rest[1:] + b"\n"


def naming(name: str, digest: str) -> bytes:
    """An entry with a right checksum for what no manifest of ours would hold."""
    entry = result("0" * 64)
    manifest = Manifest.model_construct(status="ok", reason=None, outputs={name: digest})
    return entry.model_copy(update={"manifest": manifest}).to_bytes() + b"\n"


def test_an_entry_is_given_out_as_it_was_written(tmp_path: Path) -> None:
    """With its key document, under the key of that."""
    store = Store(tmp_path / "s")
    written = result(put(store, b"abc", tmp_path))
    store.put_result(written)
    assert store.get_result(ASKED) == written
    assert store.result_path(key_of(ASKED)).is_file()


ABC = sha256_bytes(b"abc")


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{half",
        b"[" * 100_000,
        unsealed(result(ABC)),
        result(ABC).to_bytes(),
        result(ABC).to_bytes() + b"\n\n",
        result(ABC, {"stage": "y"}).to_bytes() + b"\n",
        sealed(b'{"seconds":' + b"9" * 5000 + b"}"),
        sealed(b'{"key_document":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001),
        naming("../out", ABC),
        naming("/out", ABC),
        naming("manifest.json", ABC),
        naming("out", "../../../etc/passwd"),
    ],
    ids=lambda data: data[-40:],
)
def test_an_entry_that_is_not_what_was_asked_is_a_miss(spoilt: bytes, tmp_path: Path) -> None:
    """Cut off, edited, without its checksum, of another question, leading elsewhere: dropped."""
    store = Store(tmp_path / "s")
    store.put_result(result(put(store, b"abc", tmp_path)))
    entry = store.result_path(key_of(ASKED))
    rewrite(entry, spoilt)
    assert store.get_result(ASKED) is None
    assert not entry.exists()


def test_no_record_is_that_large(tmp_path: Path) -> None:
    """A file of a terabyte, which holds nothing, is not read."""
    store = Store(tmp_path / "s")
    store.put_result(result(put(store, b"abc", tmp_path)))
    entry = store.result_path(key_of(ASKED))
    entry.chmod(0o644)
    os.truncate(entry, 1 << 40)
    assert store.get_result(ASKED) is None
    assert not entry.exists()


def test_every_flipped_bit_of_an_entry_is_noticed(tmp_path: Path) -> None:
    """Each of them makes the entry a miss."""
    store = Store(tmp_path / "s")
    store.put_result(result(put(store, b"abc", tmp_path)))
    entry = store.result_path(key_of(ASKED))
    whole = entry.read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError):  # noqa: PT011 - whichever part notices
            ActionResult.parse(bytes(data))


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb"),
        *("manifest.json", "provenance.json", "broken_tries.json"),
    ],
)
def test_a_manifest_names_plain_paths(name: str) -> None:
    """Whatever it was read from."""
    text = json.dumps({"status": "ok", "outputs": {name: "0" * 64}})
    with pytest.raises(ValidationError, match="is no name for an output"):
        Manifest.model_validate_json(text)


def test_no_output_lies_below_another() -> None:
    """A file cannot be a folder."""
    with pytest.raises(ValidationError, match="lies below another"):
        Manifest(status="ok", outputs={"a": "0" * 64, "a/b/c": "0" * 64})
    made = Manifest(status="ok", outputs={"a/b/c": "0" * 64, "a/d": "0" * 64, "e": "0" * 64})
    assert made.folders() == {"a", "a/b"}


def a_folder(path: Path) -> None:
    (path / "in").mkdir(parents=True)


def a_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def a_link_to_the_right_bytes(path: Path) -> None:
    other = path.parents[3] / "outside"
    other.write_bytes(b"abc")
    path.symlink_to(other)


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(path.parent):
        end.bind(path.name[:8])
        Path(path.name[:8]).rename(path.name)


ODD = (a_folder, a_link, a_link_to_the_right_bytes, a_fifo, a_socket)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("which", ["blob", "entry", "output"])
def test_what_is_no_file_is_replaced(
    which: str, odd: Callable[[Path], None], tmp_path: Path
) -> None:
    """A folder, a link, a FIFO, a socket: a miss without waiting, and the next write mends it."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    store.put_result(result(digest))
    target = tmp_path / "s" / "stage" / "at" / "out"
    assert store.get_blob(digest, target)
    path = {
        "blob": store.blob_path(digest),
        "entry": store.result_path(key_of(ASKED)),
        "output": target,
    }[which]
    path.unlink()
    odd(path)
    assert (store.get_result(ASKED) is None) == (which != "output")
    assert put(store, b"abc", tmp_path) == digest
    store.put_result(result(digest))
    assert store.get_result(ASKED) == result(digest)
    assert store.get_blob(digest, target)
    assert target.read_bytes() == store.blob_path(digest).read_bytes() == b"abc"
    assert not target.is_symlink()
    if odd is a_link_to_the_right_bytes:
        assert (path.parents[3] / "outside").read_bytes() == b"abc"


def test_a_link_for_a_folder_is_not_followed(tmp_path: Path) -> None:
    """What it leads to stays as it is, whether something is written, dropped or removed there."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    outside = tmp_path / "outside"
    shutil.copytree(tmp_path / "s" / "cas", outside)
    rewrite(outside / digest[:2] / digest, b"mine")
    shutil.rmtree(tmp_path / "s" / "cas")
    for use in (
        lambda: store.get_blob(digest, tmp_path / "s" / "copy"),
        lambda: put(store, b"abc", tmp_path),
        lambda: store.tree.remove(tmp_path / "s" / "cas" / digest[:2]),
    ):
        (tmp_path / "s" / "cas").symlink_to(outside)
        use()
        assert (outside / digest[:2] / digest).read_bytes() == b"mine"
        assert not (tmp_path / "s" / "cas").is_symlink()
        shutil.rmtree(tmp_path / "s" / "cas", ignore_errors=True)


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    """A build tree on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "s").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    assert (tmp_path / "disk" / "cas" / digest[:2] / digest).read_bytes() == b"abc"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_are_set_not_inherited(umask: int, tmp_path: Path) -> None:
    """Nobody else can write to the tree, and everybody can read it, whatever the umask."""
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "deep" / "s")
        digest = put(store, b"abc", tmp_path)
        store.put_result(result(digest))
        store.get_blob(digest, store.root / "stage" / "out")
    finally:
        os.umask(before)
    modes = {
        path.relative_to(tmp_path).parts[2]: path.stat().st_mode & 0o777
        for path in store.root.rglob("*")
        if path.is_file()
    }
    assert modes == {"ac": 0o444, "cas": 0o444, "stage": 0o644}
    folders = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o755}


def test_concurrent_writers_leave_one_whole_blob(tmp_path: Path) -> None:
    """Eight threads that store the same content at once do no harm."""
    store = Store(tmp_path / "s")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    threads = [threading.Thread(target=store.put_blob, args=(source,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    digest = sha256_bytes(b"x" * 100_000)
    assert store.get_blob(digest, tmp_path / "copy")
    assert list(store.blob_path(digest).parent.iterdir()) == [store.blob_path(digest)]


def test_a_failed_publish_leaves_nothing(tmp_path: Path) -> None:
    """Where the source is not there, neither the target nor a temporary file appears."""
    tree = Tree(tmp_path / "s")
    with pytest.raises(FileNotFoundError):
        tree.publish(tmp_path / "missing", tree.root / "to" / "target")
    assert list((tree.root / "to").iterdir()) == list(tree.scratch.iterdir()) == []


def test_what_changed_while_it_was_copied_is_not_put_in_place(tmp_path: Path) -> None:
    """The copy is checked, not what it was made from."""
    tree = Tree(tmp_path / "s")
    with pytest.raises(CorruptError):
        tree.publish(b"abd", tree.root / "target", digest=sha256_bytes(b"abc"))
    assert not (tree.root / "target").exists()
