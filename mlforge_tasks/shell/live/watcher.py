"""Hears of what changes in a folder that may be removed, made again, or not be there yet.

The kernel tells (inotify, through watchdog); where it has no watch left for the folder, that is
looked at every few seconds. Of folders below it that there is no watch left for, watchdog says
nothing (findings/watchdog_watch_limit.sh): a run writes to the folder itself each second, which is
heard. A watch ends with its folder, so the nearest folder above is watched too, and the watches are
laid anew as folders come and go.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What a file that is only read tells is not asked for: to look would be heard as a change.
HEARD: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]
# How often a tree is looked at that the kernel tells nothing of.
POLLED_S = 5.0
_TRIES = 5


@dataclass(frozen=True)
class _Place:
    """A folder to watch, as it is now: one that was made again is another.

    Attributes:
        path: The folder.
        deep: Whether what lies below it is watched too.
        inode: Device and inode number.
    """

    path: Path
    deep: bool
    inode: tuple[int, int]


class Watcher:
    """Watches a folder with all below it, and single files.

    Args:
        folder: The folder.
        files: The files.
        heard: Called with each path that changed, in a thread of the watcher.
    """

    def __init__(self, folder: Path, files: Sequence[Path], heard: Callable[[Path], None]) -> None:
        self._folder = folder.absolute()
        self._files = tuple(one.absolute() for one in files)
        self._heard = heard
        self._observer, self._polls = _observer()
        self._watches: dict[_Place, Any] = {}
        self._observer.start()
        self.settle()

    @property
    def polls(self) -> bool:
        """Whether the kernel tells nothing, so that the folder is looked at now and then."""
        return self._polls

    def settle(self) -> None:
        """Lays watches on what is there now; to be called after each change, in one thread."""
        for _ in range(_TRIES):  # a folder may be made just before the one above it is watched
            wanted = set(self._wanted())
            if wanted == self._watches.keys():
                return
            for place in self._watches.keys() - wanted:
                with contextlib.suppress(OSError, KeyError):  # it ended with its folder
                    self._observer.unschedule(self._watches[place])
                del self._watches[place]
            for place in wanted - self._watches.keys():
                self._watch(place)

    def close(self) -> None:
        """Ends it."""
        self._observer.stop()
        self._observer.join()

    def _watch(self, place: _Place) -> None:
        handler = _Handler(self._told_deep if place.deep else self._told)
        try:
            self._watches[place] = self._observer.schedule(
                handler, str(place.path), recursive=place.deep, event_filter=HEARD
            )
        except FileNotFoundError:
            return  # removed just now, which the one above hears
        except OSError:
            if not self._polls:
                self._poll()

    def _poll(self) -> None:
        """Goes on without the kernel."""
        self._observer.stop()
        self._observer, self._polls = PollingObserver(timeout=POLLED_S), True
        self._watches.clear()
        self._observer.start()
        self.settle()

    def _wanted(self) -> Iterator[_Place]:
        if (found := _inode(self._folder)) is not None:
            yield _Place(self._folder, deep=True, inode=found)
        above = {next(_there(self._folder.parent)), *(next(_there(f.parent)) for f in self._files)}
        for folder in above - {self._folder}:
            if (found := _inode(folder)) is not None:
                yield _Place(folder, deep=False, inode=found)

    def _told_deep(self, path: Path) -> None:
        self._heard(path)

    def _told(self, path: Path) -> None:
        """What a folder above hears is of others too, but on the way to what is watched."""
        if path in self._files or path == self._folder or path in self._folder.parents:
            self._heard(path)


class _Handler(events.FileSystemEventHandler):
    """Passes the paths of events on."""

    def __init__(self, told: Callable[[Path], None]) -> None:
        self._told = told

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._told(Path(os.fsdecode(path)))


def _observer() -> tuple[Any, bool]:
    """What hears, and whether it polls."""
    # watchdog 7.1.0, of a folder that it comes upon twice: as it is made, and in the one above it.
    warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)
    try:
        return Observer(), False
    except OSError:  # no inotify instance is left
        return PollingObserver(timeout=POLLED_S), True


def _there(folder: Path) -> Iterator[Path]:
    """The folder, or else the nearest above it that is there."""
    return (one for one in (folder, *folder.parents) if one.is_dir())


def _inode(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
