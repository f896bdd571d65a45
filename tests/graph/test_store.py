"""The content-addressed store keeps what it is given and never returns anything else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.graph.store import ActionResult, Manifest, Store, publish
from mlforge_tasks.records import sha256_bytes


def put(store: Store, data: bytes, folder: Path) -> str:
    source = folder / "source"
    publish(data, source, scratch=folder)
    return store.put_blob(source)


def result(digest: str) -> ActionResult:
    manifest = Manifest(status="ok", outputs={"out": digest})
    return ActionResult(manifest=manifest, key_document={"stage": "x"}, seconds=1.0)


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
    store.put_result("k" * 64, result(digest))
    blob = store.blob_path(digest)
    blob.chmod(0o644)
    blob.write_bytes(b"abd")
    assert store.get_result("k" * 64) is None
    assert not blob.exists()
    assert not store.get_blob(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_corrupt_blob_is_replaced_when_it_is_made_again(tmp_path: Path) -> None:
    """Storing the right bytes again mends the store."""
    store = Store(tmp_path / "s")
    digest = put(store, b"abc", tmp_path)
    store.blob_path(digest).chmod(0o644)
    store.blob_path(digest).write_bytes(b"")
    assert put(store, b"abc", tmp_path) == digest
    assert store.get_blob(digest, tmp_path / "copy")


def test_a_broken_result_entry_is_a_miss(tmp_path: Path) -> None:
    """An action cache entry that is not JSON is dropped, not raised."""
    store = Store(tmp_path / "s")
    entry = tmp_path / "s" / "ac" / "kk" / ("k" * 64)
    publish(b"{half", entry, scratch=tmp_path)
    assert store.get_result("k" * 64) is None


def test_concurrent_writers_leave_one_whole_blob(tmp_path: Path) -> None:
    """Eight threads that store the same content at once do no harm."""
    store = Store(tmp_path / "s")
    source = tmp_path / "source"
    publish(b"x" * 100_000, source, scratch=tmp_path)
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
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "missing", tmp_path / "to" / "target", scratch=tmp_path / "scratch")
    assert list((tmp_path / "to").iterdir()) == list((tmp_path / "scratch").iterdir()) == []
