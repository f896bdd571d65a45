"""A process that has imported what takes long, TensorFlow for one; stages' are forked from it.

It is started when it is first asked, or ahead of the need, and ends with the run. A forked process
is as isolated as a new one: it has a session, an environment, a working folder and an output of its
own, may set limits and crash, and dies with who asked for it. Where nothing can be forked (no
Linux, no memory, TensorFlow does not load), a new process is started, which meets what there is to
be met, and says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlforge_tasks.graph import environment, process, running, surroundings
from mlforge_tasks.graph._warm_server import READY, STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.graph.files import Tree

SERVER = "mlforge_tasks.graph._warm_server"
_MOST_SAID = 64
_inherited: list[int] = []


def inherit(asking: int | None) -> None:
    """Notes where this process, a stage's, can ask for processes, as its request says."""
    _inherited[:] = [] if asking is None else [asking]


def inherited() -> int | None:
    """Where this process can ask for processes, by the number of an open file."""
    return next(iter(_inherited), None)


def request(
    inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any], asking: int | None
) -> str:
    """What `stages.main` reads."""
    body = {
        "inputs": {name: str(path.resolve()) for name, path in inputs.items()},
        "out": str(out.resolve()),
        "config": dict(config),
        "warm": asking,
    }
    return json.dumps(body)


def run(
    module: str,
    path: Path,
    *,
    timeout_s: float,
    asking: int | None,
    forked: bool,
    secrets: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    python: str | None = None,
) -> process.Completed:
    """Runs a module that ends with `main(run)` as a process, in the folder of its request.

    Args:
        module: Its dotted name.
        path: What `stages.main` reads. Matplotlib reads settings of the folder that it is in.
        timeout_s: After this many seconds it is killed.
        asking: Where to ask for a process, and where it may ask in turn.
        forked: Whether to ask; else a new one is started.
        secrets: Variables on top of what every stage's process gets.
        on_line: Called with each line of output as it comes.
        python: See `surroundings.stage_command`.

    Raises:
        ToolError: It cannot be started.
    """
    command, folder = surroundings.stage_command(module, path, python), path.parent
    env = {**surroundings.stage_environment(folder), **(secrets or {})}
    if asking is None:
        return process.run(command, timeout_s=timeout_s, cwd=folder, env=env, on_line=on_line)
    if forked:
        whole = {**surroundings.clean_environment(os.environ), **env}
        asked = {"words": [module, str(path.resolve())], "cwd": str(folder.resolve()), "env": whole}
        found = _ask(asking, asked, timeout_s)
        if found is not None:
            followed = running.follow(found, command[0], timeout_s, on_line)
            return process.Completed(tuple(command), *followed)
    return process.run(
        command, timeout_s=timeout_s, cwd=folder, env=env, on_line=on_line, pass_fds=(asking,)
    )


@dataclass(frozen=True)
class _Forked:
    """A process that was forked for us.

    Attributes:
        output: What it says.
        server: Tells how it ended; that we close it has the process killed.
        said: What was told.
    """

    output: IO[bytes]
    server: socket.socket
    said: list[bytes]

    def kill(self) -> None:
        with contextlib.suppress(OSError):  # the server has ended, and so has the process
            self.server.shutdown(socket.SHUT_WR)

    def wait(self) -> None:
        if not self.said:
            with contextlib.suppress(ConnectionError):
                self.said.append(self.server.recv(_MOST_SAID))

    def end(self) -> int:
        self.kill()
        self.wait()
        self.server.close()
        # Without a word where the server was killed, which kills what it has forked.
        return int(b"".join(self.said) or -signal.SIGKILL)


def _ask(asking: int, asked: Mapping[str, Any], timeout_s: float) -> _Forked | None:
    """Asks for a process; None where there will be none."""
    read, write = os.pipe()
    ours, theirs = socket.socketpair()
    try:
        with socket.socket(fileno=os.dup(asking)) as requests:
            socket.send_fds(requests, [json.dumps(asked).encode()], [write, theirs.fileno()])
    except OSError:
        pass  # nobody is there; that we close the other ends tells the same below
    finally:
        os.close(write)
        theirs.close()
    ours.settimeout(timeout_s)  # it may have to be started first
    with contextlib.suppress(OSError):
        if ours.recv(len(STARTED)) == STARTED:
            ours.settimeout(None)
            return _Forked(os.fdopen(read, "rb"), ours, [])
    os.close(read)
    ours.close()
    return None


class Warm:
    """The warm process of one run, which is started when it is needed.

    Args:
        tree: The build tree, where it gets a folder while it runs.
        imports: The module whose `load` imports what takes long.
        early: Whether it is started where stages are expected that need it.
    """

    def __init__(self, tree: Tree, imports: str, *, early: bool) -> None:
        self._tree = tree
        self._imports = imports
        self._early = early
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._requests, self._asking = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._woken, self._wake = socket.socketpair()
        self._closed = False
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._made_of: environment.Installed | None = None

    def asking(self) -> int | None:
        """Where a stage's process can ask for processes; None where it can not.

        Raises:
            ToolError: It cannot be found out what is installed.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._supervise, daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # no room for a thread: then every process is a new one
                    self._closed = True
            # What it has imported is not what is installed by now.
            if self._server and self._made_of != environment.installed():
                self._server.kill()
        return None if self._closed else self._asking.fileno()

    def expect(self) -> None:
        """Stages are to follow that need it: it is started, if that was wanted."""
        if self._early and self.asking() is not None:
            self._wake.send(b"1")

    def ready(self) -> bool:
        """Whether a process can be forked at once."""
        folder = self._folder
        return folder is not None and (folder / READY).exists()

    def close(self) -> None:
        """Ends it, and all that was forked."""
        with self._lock:
            self._closed = True
            if self._server is not None:
                self._server.kill()
            self._wake.send(b"0")
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()
        for end in (self._requests, self._asking, self._woken, self._wake):
            end.close()

    def _supervise(self) -> None:
        """Starts the process when it is asked, again where it was killed, until it is of no use.

        By one thread that waits for it: it dies with that.
        """
        while not self._closed:
            ready, _, _ = select.select([self._requests, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(1)
            if self._closed or not self._serve():
                break
        self._closed = True
        self._requests.close()  # who asked, or asks from now on, hears that nobody is there

    def _serve(self) -> bool:
        """Has one process serve until it ends; whether it had come so far as to do so."""
        with contextlib.suppress(Exception), self._tree.workplace() as name:
            folder = Path(name)
            path = folder / "request.json"
            body = {"imports": self._imports, "requests": self._requests.fileno()}
            path.write_text(json.dumps(body))
            made_of = environment.installed()
            with self._lock:
                if self._closed:
                    return False
                server = process.start(
                    surroundings.stage_command(SERVER, path),
                    cwd=folder,
                    env=surroundings.stage_environment(folder),
                    stdout=subprocess.DEVNULL,
                    pass_fds=(self._requests.fileno(), self._asking.fileno()),
                )
                self._folder, self._server, self._made_of = folder, server, made_of
            server.wait()
            with self._lock:
                self._folder = self._server = None
            return (folder / READY).exists()
        return False
