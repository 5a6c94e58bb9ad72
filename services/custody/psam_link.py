"""The way to a PSAM in a reader: connected when it is needed, held, opened in one environment after another."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from apdu.flow import Execute, Flow, Step, run, send
from apdu.readers import CardConnection, Readers, executor
from apdu.status import OK
from apdu.transport.wrappers import get_response
from cardlib import commands
from cardlib.crypto import Algorithm
from cardlib.keys import KeyDeclaration
from cardlib.psam import TRADE_NUMBER
from cardlib.psam_flows.environment import PsamEnvironment, enter_again, open_environment
from cardlib.psam_flows.session import PsamSession
from cardlib.psam_flows.table import LevelTable
from cardlib.psam_keys import PsamKeyId
from services.card import Traffic

T = TypeVar("T")


class PsamLink:
    """A PSAM in a reader, held exclusively from the first :meth:`session` to :meth:`disconnect`.

    ``wait``: seconds to wait for another program that has it. What was found out about the levels of a PSAM's keys is
    kept by its serial number. Not thread-safe. Methods raise :class:`~apdu.errors.TransportError`.
    """

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        readers: Readers,
        reader: str,
        *,
        table: Sequence[PsamKeyId],
        keys: Mapping[str, KeyDeclaration],
        wait: float,
        today: Callable[[], date],
        traffic: Traffic,
    ) -> None:
        self._readers = readers
        self._reader = reader
        self._table = table
        self._keys = keys
        self._wait = wait
        self._today = today
        self._traffic = traffic
        self._connection: CardConnection | None = None
        self._execute: Execute | None = None
        self._environments: dict[Algorithm, PsamEnvironment] = {}
        self._session: PsamSession | None = None
        self._levels: dict[tuple[bytes, Algorithm], LevelTable] = {}

    @property
    def connected(self) -> bool:
        """Whether a PSAM answered to reset, and has not been let go."""
        return self._connection is not None

    def session(self, algorithm: Algorithm) -> PsamSession:
        """A session in the environment of this algorithm; the same one as before where that is still current.

        Raises PsamAlgorithmError, NoPsamError, PsamAnswerError and PsamRefusedError.
        """
        self._connect()
        held = self._session
        if held is None or held.environment.algorithm is not algorithm or held.today != self._today():
            self._session = None
            held = self._session = self._entered(algorithm)
        return held

    def run(self, flow: Flow[T]) -> T:
        """Have a conversation; raises what the flow raises."""
        assert self._execute is not None, "session() comes first"
        return run(flow, self._execute)

    def check(self) -> None:
        """Raise :class:`~apdu.errors.TransportError` when the PSAM is no longer there; leaves its register alone.

        A file of the application is read: where that is refused, the PSAM stands in it no more.
        """
        read = commands.read_binary(0, sfi=TRADE_NUMBER & 0x1F, ne=4)
        (answer,) = self.run(send(Step(read, expect=None)))
        if not answer.is_among((OK,)):
            self.leave()

    def leave(self) -> None:
        """Take it that the PSAM stands in no environment; the next session begins with opening it."""
        self._session = None
        self._environments = {}
        for levels in self._levels.values():
            levels.forget_absent()

    def disconnect(self) -> None:
        """Let the PSAM go, reset: its register is empty then."""
        connection, self._connection = self._connection, None
        self._execute = None
        self.leave()
        if connection is not None:
            connection.close(reset=True)

    def _connect(self) -> None:
        if self._connection is None:
            connection = self._readers.connect(self._reader, timeout=self._wait)
            transmit = get_response(connection.transmit, strip_le=connection.t0)
            self._execute = executor(self._traffic(transmit, self._reader))
            self._connection = connection

    def _entered(self, algorithm: Algorithm) -> PsamSession:
        environment = self._environments.get(algorithm)
        if environment is None:
            environment = self.run(open_environment(algorithm))
            self._environments[algorithm] = environment
        else:
            self.run(enter_again(algorithm))
        levels = self._levels.setdefault((environment.serial, algorithm), LevelTable())
        return PsamSession(environment, levels, today=self._today(), table=self._table, keys=self._keys)
