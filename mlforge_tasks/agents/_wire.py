"""One try at a request: an answer that is whole, in time and of a size that can be kept, or none.

The HTTP library's time limits are on each byte that it waits for, not on the answer: a server that
sends one byte a second keeps it waiting for ever, in the headers as in the body.
"""

from __future__ import annotations

import contextlib
import math
import signal
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlforge_tasks.graph.redaction import Redaction

# The longest answer that a contract may ask for is 64,000 tokens: less than half a megabyte.
LONGEST_BYTES = 8 << 20
# The signal comes again where the code that it came upon has swallowed it.
AGAIN_S = 0.1
# Headers on how an answer came, which would be undone again.
TRAVELLED = ("transfer-encoding", "content-length", "content-encoding", "content-type")


class OverdueError(TimeoutError):
    """The answer was not whole in time."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends what is in it when the time is over, whatever it waits for.

    Python allows this in the main thread only, and an agent has a process of its own.

    Raises:
        OverdueError: It is over.
    """

    def ring(*_: object) -> None:
        raise OverdueError(f"no whole answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def fetch(
    send: Callable[..., Any],
    request: Any,
    *,
    limit_s: float,
    redaction: Redaction,
    **options: Any,
) -> Any:
    """The whole answer to a request, without what it must not hold.

    Args:
        send: The HTTP client's.
        request: Its request.
        limit_s: For everything from the connection to the last byte.
        redaction: Hides the key, before anyone sees the answer.
        options: Of `send`.

    Raises:
        OverdueError: It was not whole in time.
        ToolError: It is too long, or packed, which was not asked for.
    """
    # Unpacked, a few kilobytes may be gigabytes.
    request.headers["accept-encoding"] = "identity"
    with within(limit_s):
        response = send(request, **{**options, "stream": True})
        try:
            content = _read(response)
        finally:
            response.close()
    # The Messages API speaks JSON in UTF-8, whatever character set the server claims.
    body = redaction.body(content.decode(errors="replace"))
    headers = [
        (redaction.text(name), redaction.text(text))
        for name, text in response.headers.multi_items()
        if name not in TRAVELLED
    ]
    headers.append(("content-type", "application/json"))
    return type(response)(
        response.status_code, headers=headers, content=body.encode(), request=request
    )


def _read(response: Any) -> bytes:
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise ToolError(
            "the model's server packed its answer, which it was asked not to do",
            hint="is llm.base_url right? a proxy may have done it",
        )
    content = bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > LONGEST_BYTES:
            raise ToolError(
                f"the model's server sent more than {LONGEST_BYTES >> 20} MiB in one answer",
                hint="is llm.base_url right? no answer of a model is that long",
            )
    return bytes(content)


def cap_wait(headers: Any, longest_s: float) -> None:
    """Shortens what a server wants us to wait: the SDK does so for as long as it says, be it days.

    Args:
        headers: Of an answer; changed in place. A wait that is none is taken out.
        longest_s: The longest wait.
    """
    for header, factor in (("retry-after", 1.0), ("retry-after-ms", 1000.0)):
        if header in headers:
            wait_s = _seconds(headers.pop(header), factor)
            if not math.isnan(wait_s):
                headers[header] = f"{min(wait_s, longest_s) * factor:g}"


def _seconds(text: str, factor: float) -> float:
    """A wait as a number, also where it is a date; NaN where it is neither."""
    try:
        return float(text) / factor
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan
