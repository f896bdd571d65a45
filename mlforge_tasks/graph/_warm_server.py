"""Imports what takes long once, then forks a process for each stage that is asked of it.

`warm` starts it, as a program. It has one thread and opens nothing that computes, so that a process
that it forks is as good as one that has imported all of it itself. `multiprocessing`'s fork server
is not for this: its children end neither with who asked for them nor with it, and have no output
of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

# It stands there from when requests are answered.
READY = "ready"
MOST_BYTES = 1 << 20
STARTED = b"started"
_PR_SET_PDEATHSIG = 1
_BROKEN_OUTPUT = 120  # what Python ends with where it cannot write out the last of its output


@dataclass(frozen=True)
class Job:
    """A process that was forked, while it runs.

    Attributes:
        pid: Its number, and that of its group.
        ends: Readable when it has ended.
        asker: Who waits for it; it reads as ended when they gave up, or have ended themselves.
    """

    pid: int
    ends: int
    asker: socket.socket


class Server:
    """Answers requests until it is killed.

    Args:
        requests: Where they come in: JSON with `words` (a module and its arguments), `cwd` and
            `env`, and two file descriptors: what the process writes to, and who asks.
        variables: Those that what was imported has set.
    """

    def __init__(self, requests: socket.socket, variables: Mapping[str, str]) -> None:
        self._requests = requests
        self._variables = variables
        self._jobs: dict[int, Job] = {}
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)
        self._pid = os.getpid()
        os.close(os.pidfd_open(self._pid))  # where the kernel has none of it, we end here

    def serve(self) -> NoReturn:
        """Waits for requests, for processes to end, and for askers to give up."""
        while True:
            for number, _ in self._poll.poll():
                if number == self._requests.fileno():
                    self._accept()
                elif number in self._jobs:
                    self._end(self._jobs.pop(number))
                else:
                    self._give_up(number)

    def _accept(self) -> None:
        said, given, _, _ = socket.recv_fds(self._requests, MOST_BYTES, 2)
        if len(given) < 2:  # too many open files: who asks starts it without us
            for one in given:
                os.close(one)
            return
        output, asker = given
        asking = socket.socket(fileno=asker)
        try:
            pid = os.fork()
        except OSError:  # no room: the same
            os.close(output)
            asking.close()
            return
        if pid == 0:
            self._become(json.loads(said), output, asking)
        os.close(output)  # which leaves room for what follows
        ends = os.pidfd_open(pid)
        job = Job(pid, ends, asking)
        self._jobs[ends] = job
        self._poll.register(ends, select.POLLIN)
        self._poll.register(job.asker, select.POLLIN)
        self._tell(job, STARTED)

    def _end(self, job: Job) -> None:
        """Says how a process ended; what it left behind ends while its number is its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        _, status = os.waitpid(job.pid, 0)
        self._poll.unregister(job.ends)
        os.close(job.ends)
        with contextlib.suppress(KeyError):
            self._poll.unregister(job.asker)
        self._tell(job, str(os.waitstatus_to_exitcode(status)).encode())
        job.asker.close()

    def _give_up(self, number: int) -> None:
        """Kills the process that nobody waits for any more; its end is met as any other."""
        self._poll.unregister(number)
        for job in self._jobs.values():
            if job.asker.fileno() == number:
                # Before it leads a group of its own, that is ours: it is killed alone.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job.pid, signal.SIGKILL)

    def _tell(self, job: Job, what: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            job.asker.send(what)

    def _become(self, asked: Mapping[str, Any], output: int, asking: socket.socket) -> NoReturn:
        """Makes the forked process what a new one would be, and runs the module in it."""
        os.setsid()
        _die_with(self._pid)
        for job in self._jobs.values():
            job.asker.close()
            os.close(job.ends)
        asking.close()
        self._requests.close()
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        os.environ.clear()
        os.environ.update({**asked["env"], **self._variables})
        os.chdir(asked["cwd"])
        module, *words = asked["words"]
        sys.argv[1:] = words
        _leave(_code_of(module))


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before
        os.kill(os.getpid(), signal.SIGKILL)


def _code_of(module: str) -> int:
    """Runs a module as Python runs a program; its exit code."""
    sys.modules.pop(module, None)  # run anew, as what it is here: the program
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - shown whole, as Python does
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """Ends the process as Python does, but without taking all that was imported apart."""
    atexit._run_exitfuncs()  # noqa: SLF001 - Python runs them where it ends by itself alone
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or _BROKEN_OUTPUT
    os._exit(code & 0xFF)


def main() -> None:
    """Reads where requests come in, and what is to be imported, from a file that is named."""
    _die_with(os.getppid())
    path = Path(sys.argv[1])
    asked = json.loads(path.read_text())
    before = dict(os.environ)
    importlib.import_module(asked["imports"]).load()
    gc.freeze()
    variables = {name: told for name, told in os.environ.items() if before.get(name) != told}
    server = Server(socket.socket(fileno=asked["requests"]), variables)
    (path.parent / READY).touch()
    server.serve()


if __name__ == "__main__":
    main()
