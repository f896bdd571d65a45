"""A machine for tests: OpenSSH's own server as a plain process, on a free port of this computer.

Its keys, its users and what is trusted lie in a folder of the test. What makes it another machine
(an emulated processor, a line that damages what passes, a full disk) is this very file run as the
server's forced command: it changes one command before it runs it.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MISSING = "no sshd here: sudo apt-get install openssh-server"
_START_S = 20.0
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
ForceCommand {forced}
"""


class Sshd:
    """A server that lets in who has `user_key`.

    Args:
        folder: An empty folder.

    Attributes:
        port: Where it listens.
        programs: Where programs are put that it runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.known_hosts = folder / "known_hosts"
        self.port = _free_port()
        for name in ("host_key", "user_key", "stranger_key"):
            _keygen(folder / name)
        self.trust(folder / "host_key.pub")
        self.act()
        acts = shlex.quote(str(folder / "acts"))
        forced = shlex.join([sys.executable, str(Path(__file__).resolve())])
        forced = f'test -s {acts} && exec {forced} {acts}; exec sh -c "$SSH_ORIGINAL_COMMAND"'
        config = folder / "sshd_config"
        config.write_text(_CONFIG.format(port=self.port, folder=folder, forced=forced))
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if os.getuid() == 0:  # where OpenSSH keeps its unprivileged half
            Path("/run/sshd").mkdir(exist_ok=True)
        argv = [str(SSHD), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("wb") as log:
            self._server = subprocess.Popen(argv, stderr=log)
        deadline = time.monotonic() + _START_S
        while not _listens(self.port):
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def act(self, **acts: object) -> None:
        """What is different on this machine from now on; see `_forced`."""
        (self.folder / "acts").write_text(json.dumps(acts) if acts else "")

    def trust(self, public: Path) -> None:
        """Has a host key be the known one."""
        kind, key, *_ = public.read_text().split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def entry(self, board: str, **changes: object) -> dict[str, object]:
        """Its entry of the hardware map."""
        ssh = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "key": str(self.folder / "user_key"),
            "known_hosts": str(self.known_hosts),
            "folder": str(self.programs),
            **changes,
        }
        return {"connected": True, "id": "desk", "platform": board, "ssh": ssh}

    def cut(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Cuts every connection; with SIGSTOP so that nobody is told."""
        if self._server is not None:
            for child in _children(self._server.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, how)

    def left(self) -> list[Path]:
        """What programs have left behind."""
        return list(self.programs.iterdir())


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _keygen(path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _children(pid: int) -> Iterator[int]:
    """A process's descendants that are sshd as well; the eldest last."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            if name.startswith("sshd") and int(rest.split()[1]) == pid:
                yield from _children(int(stat.parent.name))
                yield int(stat.parent.name)


# ---- On the machine ----


def _forced(acts: dict[str, Any]) -> int:
    """Runs the command that was asked for, on a machine that is made up.

    `replace` are pairs of texts; `noise` is the share of lines that are damaged either way between
    the network and the program.
    """
    command = os.environ["SSH_ORIGINAL_COMMAND"]
    for old, new in acts.get("replace", ()):
        command = command.replace(old, new)
    argv = ["sh", "-c", command]
    if not acts.get("noise") or "exec ./program" not in command:
        os.execvp(argv[0], argv)  # noqa: S606 - the command that was asked for
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.helpers.standin import Noise  # noqa: PLC0415 - not for every command

    program = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ways = [
        (sys.stdin.buffer, program.stdin, Noise(1, acts["noise"])),
        (program.stdout, sys.stdout.buffer, Noise(2, acts["noise"])),
    ]
    for source, sink, noise in ways:
        threading.Thread(target=_carry, args=(source, sink, noise), daemon=True).start()
    return program.wait()


def _carry(source: IO[bytes], sink: IO[bytes], noise: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        for line in iter(source.readline, b""):
            sink.write(noise(line))
            sink.flush()
        sink.close()


if __name__ == "__main__":
    sys.exit(_forced(json.loads(Path(sys.argv[1]).read_text())))
