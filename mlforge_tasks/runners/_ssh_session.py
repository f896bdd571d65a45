"""A session with a program on a machine that is logged in to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason
from mlforge_tasks.runners._fault import STAGE
from mlforge_tasks.runners._line import Line
from mlforge_tasks.runners._link import NoAnswerError, TransportClosedError
from mlforge_tasks.runners._remote import END_S, outcome

if TYPE_CHECKING:
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Beside, Expected, InferenceResult, Way
    from mlforge_tasks.runners._hello import Hello, Marked
    from mlforge_tasks.runners._line import Patience
    from mlforge_tasks.runners._observed import Watch
    from mlforge_tasks.runners._port import Transcript
    from mlforge_tasks.runners._remote import Running

# How often a request is started anew after the program was asked whether it is there.
ROUNDS = 4
# Bits a second, ten a byte: what a slow network carries.
SLOW_NETWORK_BAUD = 1_000_000


class _Recorded:
    """The program's line, with every byte on record."""

    baud = SLOW_NETWORK_BAUD

    def __init__(self, on: Running, transcript: Transcript) -> None:
        self._line = on.line
        self._transcript = transcript
        self.received = bytearray()

    def read(self, timeout_s: float) -> bytes:
        """See `_link.Transport`."""
        data = self._line.read(timeout_s)
        if data:
            self._transcript.add("<", data)
            self.received += data
        return data

    def write(self, data: bytes) -> None:
        """See `_link.Transport`."""
        self._transcript.add(">", data)
        self._line.write(data)


class SshSession:
    """See `runners.Session`.

    Args:
        on: The program.
        expected: What it must say about itself.
        patience: Time limits.
        transcript: The evidence.
        watch: Looks at it from beside.
    """

    def __init__(
        self,
        on: Running,
        expected: Expected,
        *,
        patience: Patience,
        transcript: Transcript,
        watch: Watch,
    ) -> None:
        self._on = on
        self._wire = _Recorded(on, transcript)
        self._line = Line(self._wire, expected, patience)
        self._patience = patience
        self._watch = watch
        self._rounds = ROUNDS
        self._hello = self._meet()
        self._seen: Beside | None = None

    @property
    def self_test(self) -> SelfTest:
        """What the program measured when it was last asked."""
        return self._hello.self_test

    @property
    def console(self) -> bytes:
        """Every byte that came from it."""
        return bytes(self._wire.received)

    @property
    def pid(self) -> str:
        """Its process id on the machine."""
        return self._on.pid

    @property
    def inputs_through(self) -> Way:
        """See `runners.Session.inputs_through`."""
        return "line"

    @property
    def beside(self) -> Beside:
        """See `runners.Session.beside`; what runs beside the program is over then."""
        if self._seen is None:
            if self._hello.marker:
                self._watch.energy(self._mark, self.self_test.tick_hz)
            self._seen = self._watch.beside()
        return self._seen

    def begin(self) -> None:
        """See `runners.Session.begin`; a program that forgot the stream is asked no more."""
        self._rounds = 1
        try:
            self._line.begin()
        except TransportClosedError:
            raise self._ended() from None

    def infer(self, data: bytes) -> InferenceResult:
        """See `runners.Session.infer`."""
        for _ in range(self._rounds):
            try:
                return self._line.ask(data, self._hello)
            except TransportClosedError:
                raise self._ended() from None
            except NoAnswerError:
                self._hello = self._look(self._patience.silence_s)
        raise ToolError(
            f"the program on {self._on.machine.name} says what it is but does not answer an "
            "inference: its line loses bytes",
            hint="see whether something between the login and the program writes to its output",
        )

    def seconds_for(self, input_bytes: int, output_bytes: int) -> float:
        """See `runners.Session.seconds_for`."""
        return self._line.seconds_for(input_bytes + output_bytes, self._hello)

    def _mark(self) -> Marked:
        """Has it make windows of inferences, of which its machine's counters tell the energy."""
        try:
            return self._line.ask_for_windows(self._hello)
        except TransportClosedError:
            raise self._ended() from None

    def _meet(self) -> Hello:
        try:
            hello = self._look(self._patience.boot_s)
        except TransportClosedError:
            raise self._ended() from None
        self._watch.look()
        return hello

    def _look(self, limit_s: float) -> Hello:
        """Asks the program what it is.

        Raises:
            CandidateFailure: It is there and silent: it hangs. Its own watchdog would have told by
                then.
        """
        try:
            return self._line.identify(limit_s)
        except TransportClosedError:
            raise self._ended() from None
        except NoAnswerError as error:
            if not self._on.alive():
                raise self._ended() from None
            text = f"the program is silent: {error.message}"
            raise CandidateFailure(Reason(code="hang", stage=STAGE, message=text)) from None

    def _ended(self) -> CandidateFailure | ToolError:
        return outcome(self._on, self._on.line.end(END_S), len(self._wire.received))
