"""How a machine is logged in to: its key is known, ours is a file or an agent's, no password."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._ssh_connection import Machine, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.runners._ssh_host import SshHost

CONNECT_S = 20.0
EXTRA = "pip install 'mlforge[ssh]'"
# A host that answers nothing for three of these is gone.
KEEPALIVE_S = 5.0


@contextlib.contextmanager
def logged_in(host: SshHost, cwd: Path) -> Iterator[Machine]:
    """Logs in to a machine; the connection is gone after the block.

    Args:
        host: Which.
        cwd: Folder that relative paths start from.

    Raises:
        ToolError: It cannot be reached, its key is not known, or it lets nobody in; with a hint.
    """
    try:
        import asyncssh  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        hint = f"{EXTRA}, or asyncssh alone"
        raise ToolError("the Python package 'asyncssh' is not installed", hint=hint) from None
    with asyncio.Runner() as runner:
        try:
            connection = runner.run(asyncio.wait_for(_connect(asyncssh, host, cwd), CONNECT_S))
        except TimeoutError:
            told = f"{host.address} does not answer within {CONNECT_S:g} s"
            raise ToolError(told, hint="see whether it is on and can be reached") from None
        except asyncssh.HostKeyNotVerifiable as error:
            raise _unknown_key(host, cwd, str(error)) from None
        except asyncssh.PermissionDenied:
            raise _refused(host) from None
        except (asyncssh.Error, asyncssh.KeyImportError, ValueError, OSError) as error:
            told = f"cannot log in to {host.address}: {plain(str(error).encode())}"
            raise ToolError(told, hint="see `ssh` of its entry in the hardware map") from None
        try:
            yield Machine(connection, runner, host.address)
        finally:
            connection.abort()


async def _connect(asyncssh: Any, host: SshHost, cwd: Path) -> Any:
    known = place(host.known_hosts, cwd)
    given = {
        "port": host.port,
        "username": host.user,
        "client_keys": None if host.key is None else [str(place(host.key, cwd))],
    }
    return await asyncssh.connect(
        host.host,
        known_hosts=str(known) if known.is_file() else ([], [], []),
        preferred_auth="publickey",
        keepalive_interval=KEEPALIVE_S,
        **{name: value for name, value in given.items() if value is not None},
    )


def place(path: str, cwd: Path) -> Path:
    """A path of the hardware map."""
    return cwd / Path(path).expanduser()


def _unknown_key(host: SshHost, cwd: Path, why: str) -> ToolError:
    port = f"-p {host.port} " if host.port else ""
    known = shlex.quote(str(place(host.known_hosts, cwd)))
    return ToolError(
        f"the key of {host.address} is not known, or not the one that is known ({why})",
        hint=f"if it is new: `ssh-keyscan {port}{host.host} >> {known}`, then hold it against what "
        "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on the machine itself; if it was "
        "another before: `ssh-keygen -R` first, and find out why it changed",
    )


def _refused(host: SshHost) -> ToolError:
    return ToolError(
        f"{host.address} lets nobody in with the keys that were tried",
        hint="put the public key into ~/.ssh/authorized_keys there (`ssh-copy-id`); name `user` "
        "and `key` below `ssh` in the hardware map. Passwords are never asked for",
    )


def require(host: SshHost, cwd: Path) -> None:
    """Looks for the files that a login takes.

    Raises:
        ToolError: The key is not there, or others may read it.
    """
    if host.key is None:
        return
    key = place(host.key, cwd)
    if not key.is_file():
        raise ToolError(
            f"there is no private key at {key}", hint="see `ssh.key` in the hardware map"
        )
