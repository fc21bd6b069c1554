"""The servers that requests are answered from: replicas of the database, and the database itself.

Replicas are PostgreSQL's hot standbys; that they follow the primary is its own affair. Here is only
which of them is asked. Whatever it shows is right (:mod:`oai.store.horizon`), though it may be old, so
who may answer is a question of freshness, and never one of truth:

* A server that cannot be reached is left out, and so is a replica that is further behind than the
  operator allows. It is back as soon as it has been seen well again.
* A request is answered as a whole by one server. Where that one fails in the midst of it, another
  answers it from the beginning.
* Where there is no replica, all this costs nothing.

Each server is looked at once a second by a thread of its own, with its own connection and little
patience, so that one that is dead or hangs delays neither requests nor news of the others. How far a
replica is behind is told by the primary's clock: it has all that the primary had written at a moment
that the primary told us, and that moment is so and so long ago. While the primary is away, nobody
knows, and the replicas go on answering.
"""

import itertools
import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from oai.repository import Behind, Unavailable
from oai.store.database import Busy, Database

INTERVAL = 1.0
"""Seconds between two looks at a server."""

PROBE_WAIT = 2
"""Seconds that a server may take to be connected to, and then to answer, when it is looked at."""

CATCH_UP_WAIT = 2.0
"""Seconds that a request waits for a replica to catch up, where the primary cannot be asked."""

_DOUBT = 0.2  # seconds after which a server is looked at again that has not answered once
_POLL = 0.1  # seconds between two tries within that
_PATIENCE = 10  # seconds after which a request that has failed is not tried on another server
_SAMPLES = 3600  # of the primary; what is further behind is told by the commit that was replayed last
_CANCELLED = {"40001", "40P01"}  # by a replica so that it can go on replaying: it may be asked again
_PASSING = _CANCELLED | {"57014"}  # what says nothing against a server: slow statements, too
_SQLSTATE = ord("C")  # the name of the field in PostgreSQL's protocol

_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


class Sighting(NamedTuple):
    """What a server said of itself.

    ``asked`` and ``answered`` are when, by the clock that :func:`time.monotonic` reads, and ``clock`` is
    when by the server's own;
    ``position`` is how far its log is written, or that of a replica is replayed, in bytes;
    ``replayed`` is when the last change that it has replayed was committed, by the primary's clock;
    ``started`` tells it from any other server.
    """

    asked: float
    answered: float
    is_replaying: bool
    started: str
    position: int
    clock: float
    replayed: float | None
    last_serial: int


class Server:
    """One of the servers, and what was last seen of it. ``lag`` is in seconds, None if nobody knows."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.name = name
        self.is_in = True
        self.lag: float | None = None
        self.sighting: Sighting | None = None
        self.was_looked_at = threading.Event()
        self.failed = 0.0
        self.misses = 0
        self.is_foreign = False

    @property
    def address(self) -> str:
        """Its host and port, or those of the several hosts that it may be on."""
        url = self.database.url
        named = url.query.get("host", ())
        hosts = [named] if isinstance(named, str) else list(named)
        if url.host:
            hosts = [f"{url.host}:{url.port}" if url.port else url.host]
        return ",".join(hosts) or "localhost"


class Servers:
    """Answers questions from the *replicas* that are in, in turn, or else from *primary*.

    A replica is in as long as it is at most *lag* seconds behind.
    """

    def __init__(self, primary: Database, replicas: Sequence[Database] = (), *, lag: int = 30) -> None:
        self.primary = primary
        self._lag = lag
        self._primary = Server(primary, "the primary")
        self.replicas = [Server(replica, f"replica {n}") for n, replica in enumerate(replicas, 1)]
        self._turns = itertools.count()
        self._samples: deque[tuple[float, float, int]] = deque(maxlen=_SAMPLES)
        self._lock = threading.Lock()
        self._has_begun = self._has_news = False
        self._ended = threading.Event()

    @classmethod
    def of(
        cls, database_url: str, replica_urls: Sequence[str] = (), *, connections: int, timeout: int, lag: int
    ) -> "Servers":
        """Return those at these URLs; *connections* and *timeout* are of each, as Database has them."""
        return cls(
            Database(database_url, connections=connections, timeout=timeout, replicated=bool(replica_urls)),
            [
                Database(url, connections=connections, timeout=timeout, is_replica=True)
                for url in replica_urls
            ],
            lag=lag,
        )

    @property
    def primary_is_in(self) -> bool:
        """Whether the primary can be asked, as far as is known."""
        return self._primary.is_in

    def answer(self, question: Callable[[Connection], _Answer], *, newest: bool = False) -> _Answer:
        """Return what *question* makes of a connection; it may be asked again with another one.

        With *newest* the primary is asked, or else the replica that has most: for what says nothing of
        how old it is, and may be asked for because another answer has named it.

        Raises :class:`oai.repository.Unavailable` where no server can answer, :class:`oai.repository.Behind`
        among them where none has what the question goes on from.
        """
        if not self.replicas:
            with self.primary.reading() as connection:
                return question(connection)

        def on(database: Database) -> _Answer:
            with database.reading() as connection:
                return question(connection)

        return self.ask(on, newest=newest)

    def ask(self, question: Callable[[Database], _Answer], *, newest: bool = False) -> _Answer:
        """Return what *question* makes of one of the servers; else as :meth:`answer`."""
        if not self.replicas:
            return question(self.primary)
        self.watch()
        begun = time.monotonic()
        waits_until = begun + CATCH_UP_WAIT
        while True:
            try:
                return self._ask_in_turn(question, begun, newest=newest)
            except Unavailable as error:
                is_cancelled = getattr(_origin(error), "sqlstate", None) in _CANCELLED
                if not (is_cancelled or isinstance(error, Behind)) or time.monotonic() > waits_until:
                    raise
            time.sleep(_POLL)

    def _ask_in_turn(self, question: Callable[[Database], _Answer], begun: float, *, newest: bool) -> _Answer:
        """Ask one server after the other; raises Behind where one was behind and no other could answer."""
        behind: Behind | None = None
        trouble: Unavailable | None = None
        tried: set[Server] = set()
        while server := self._next(tried, behind.serial if behind else 0, newest=newest):
            tried.add(server)
            try:
                return question(server.database)
            except Behind as error:
                if not behind or error.serial > behind.serial:
                    behind = error
            except Busy as error:
                trouble = error
            except Unavailable as error:
                trouble = error
                self._fail(server, error)
                if time.monotonic() - begun > _PATIENCE:
                    break
        raise behind or trouble or Unavailable("none of the database's servers can be reached")

    def _next(self, tried: set[Server], needed: int, *, newest: bool) -> Server | None:
        """Return whom to ask next, None if nobody; *needed* is a change that a replica must have."""
        if newest and self._primary.is_in and self._primary not in tried:
            return self._primary
        first = next(self._turns) if not tried else 0
        count = len(self.replicas)
        in_turn = [self.replicas[(first + n) % count] for n in range(count)]
        open_to_us = [server for server in in_turn if server not in tried and _has(server, needed)]
        if newest:
            open_to_us.sort(key=_last_serial, reverse=True)
        fresh = [server for server in open_to_us if server.is_in]
        if fresh:
            return fresh[0]
        if self._primary.is_in and self._primary not in tried:
            return self._primary
        # An old answer is true, and better than none.
        return next((server for server in open_to_us if server.sighting), None)

    def may_be_behind(self, connection: Connection) -> bool:
        """Say whether *connection* is one to a replica."""
        if not self.replicas:
            return False
        seen = self._primary.sighting
        # What is called the primary may have changed places with a replica.
        return not self.primary.is_of(connection) or (seen is not None and seen.is_replaying)

    def databases(self) -> Iterator[Database]:
        """Yield those that can be asked, as far as is known: the likeliest to be asked first."""
        if self.replicas:
            self.watch()
        for server in (*self.replicas, self._primary):
            if server.is_in:
                yield server.database

    def watch(self) -> None:
        """Begin to look at the servers, unless that is done already, and wait for the first news."""
        if self._has_news:
            return
        with self._lock:
            has_begun, self._has_begun = self._has_begun, True
            if not has_begun:
                for server in (self._primary, *self.replicas):
                    threading.Thread(
                        target=self._look_at, args=(server,), name=f"watch {server.name}", daemon=True
                    ).start()
        end = time.monotonic() + PROBE_WAIT + INTERVAL / 2
        for server in (self._primary, *self.replicas):
            server.was_looked_at.wait(max(0, end - time.monotonic()))
        self._has_news = True

    def dispose(self) -> None:
        """Look at nothing any more, and close all connections."""
        self._ended.set()
        for server in (self._primary, *self.replicas):
            server.database.dispose()

    def _fail(self, server: Server, error: Unavailable) -> None:
        """Leave a server out that has failed a request, until it has been seen well after that."""
        if getattr(_origin(error), "sqlstate", None) in _PASSING:
            return
        with self._lock:
            server.failed = time.monotonic()
            self._let(server, " ".join(str(error).split()))

    def _look_at(self, server: Server) -> None:
        connection: Any = None
        while not self._ended.is_set():
            asked = time.monotonic()
            seen: Sighting | None = None
            reason = ""
            try:
                connection = connection or server.database.connect_alone(PROBE_WAIT)
                seen = _sight(connection, asked)
            except Exception as error:  # noqa: BLE001 - whatever it is, this server cannot be asked now
                reason = " ".join(str(error).split())
                if connection:
                    with suppress(Exception):
                        connection.close()
                connection = None
            with self._lock:
                self._take(server, seen, reason)
            server.was_looked_at.set()
            if server.misses > 1 and any(other.is_in for other in (self._primary, *self.replicas)):
                server.database.cut()
            self._ended.wait(_DOUBT if server.misses == 1 else INTERVAL)
        if connection:
            connection.close()

    def _take(self, server: Server, seen: Sighting | None, reason: str) -> None:
        """Take note of what was seen of a server, and say who is in."""
        before, server.sighting = server.sighting, seen
        server.misses = 0 if seen else server.misses + 1
        if server is not self._primary:
            self._judge(server, reason)
            return
        claims = self.primary.claims
        if seen:
            if before is None or before.started != seen.started:
                # What one server has claimed or written, another need not know.
                self._samples.clear()
                self.primary.connect_anew()
                if claims:
                    claims.forget()
            self._samples.append((seen.asked, seen.clock, seen.position))
        if claims:
            claims.is_away = seen is None or seen.is_replaying
        self._let(server, None if seen and seen.asked > server.failed else reason)
        for replica in self.replicas:
            if replica.sighting:
                self._judge(replica, "")

    def _judge(self, replica: Server, reason: str) -> None:
        seen, primary = replica.sighting, self._primary.sighting
        replica.lag = None
        if seen and primary and seen.answered <= primary.asked:
            # What the replica has, the primary must have had before.
            replica.is_foreign = seen.last_serial > primary.last_serial
        if seen is None:
            self._let(replica, reason)
        elif seen.asked <= replica.failed:
            return
        elif primary is None:
            self._let(replica, None)
        elif not seen.is_replaying:
            replica.lag = 0.0 if seen.started == primary.started else None
            self._let(replica, None if replica.lag == 0 else "it does not follow the primary")
        elif replica.is_foreign:
            self._let(replica, "it has changes that the primary does not have")
        else:
            replica.lag = self._behind(seen)
            late = replica.lag > self._lag
            self._let(replica, f"it is {replica.lag:.0f} seconds behind" if late else None)

    def _behind(self, seen: Sighting) -> float:
        """Return by how many seconds a replica is behind, by the primary's clock."""
        before = [sample for sample in self._samples if sample[0] <= seen.asked] or [self._samples[0]]
        _, now, _ = before[-1]
        has = next((clock for _, clock, position in reversed(before) if position <= seen.position), None)
        bounds = [now - known for known in (has, seen.replayed) if known is not None]
        return max(0.0, min(bounds, default=now - before[0][1]))

    def _let(self, server: Server, reason: str | None) -> None:
        """Let a server in, or out for a reason, and log that once."""
        was_in, server.is_in = server.is_in, reason is None
        if was_in and reason is not None:
            logger.warning("%s (%s) is left out: %s", server.name, server.address, reason)
        elif reason is None and not was_in:
            logger.warning("%s (%s) is back", server.name, server.address)


def _has(server: Server, needed: int) -> bool:
    return not needed or _last_serial(server) >= needed


def _last_serial(server: Server) -> int:
    """Return the last change that a server is known to have."""
    return server.sighting.last_serial if server.sighting else -1


def _origin(error: BaseException) -> BaseException | None:
    """Return the driver's error that *error* comes from."""
    cause = error.__cause__
    return getattr(cause, "orig", None) or cause


def _is_passing(result: Any) -> bool:
    return result is not None and (result.error_field(_SQLSTATE) or b"").decode() in _PASSING


def _ask(driver: Any, end: float) -> Any:
    """Return a server's answer to the question about itself."""
    driver.send_query(_ABOUT)
    driver.flush()
    while driver.is_busy():
        ready = select.poll()
        ready.register(driver.socket, select.POLLIN)
        if not ready.poll(max(0, end - time.monotonic()) * 1000):
            raise TimeoutError(f"no answer within {PROBE_WAIT} seconds")
        driver.consume_input()
    result = driver.get_result()
    while driver.get_result():
        pass
    return result


def _sight(connection: Any, asked: float) -> Sighting:
    """Ask a server about itself; raises an error where it does not answer in time.

    The driver has no limit of its own to how long an answer may take, and the server's is of no use
    where the server hangs.
    """
    driver = connection.pgconn
    end = time.monotonic() + PROBE_WAIT
    result = _ask(driver, end)
    while _is_passing(result) and time.monotonic() < end:
        result = _ask(driver, end)
    if not result or not result.ntuples:
        raise Unavailable(result.error_message.decode() if result else "no answer")
    values = [result.get_value(0, column) for column in range(6)]
    replaying, started, position, clock, replayed, last_serial = (
        value and value.decode() for value in values
    )
    assert started
    assert position
    assert clock
    assert last_serial
    return Sighting(
        asked,
        time.monotonic(),
        replaying == "t",
        started,
        int(position),
        float(clock),
        None if replayed is None else float(replayed),
        int(last_serial),
    )


_ABOUT = b"""
SELECT pg_is_in_recovery(), pg_postmaster_start_time()::text,
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
  - '0/0')::bigint,
 extract(epoch FROM clock_timestamp())::float8, extract(epoch FROM pg_last_xact_replay_timestamp())::float8,
 last_serial
FROM repository
"""
