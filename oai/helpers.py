"""Helpers: processes beside this one, for the part of long work that needs no store.

A helper is sent a function and a task, and sends back what the function makes of it. It holds
nothing that would have to be put in order, so it may be killed at any time. It ends with this
process, however that ends: then the pipe between them is closed, and a helper does nothing but read
from it, work, and write to it. Ctrl+C does not reach it; who is interrupted is this process alone.

Each helper has a few tasks at a time and no more, so that it always has one, and memory stays as it is
however many there are.
"""

import gc
import os
import pickle
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn, Self, TypeVar

WORTH = 10_000
"""For fewer items than this, starting helpers takes longer than they save."""

COLLECTED = 50_000
"""So many objects come into being before the garbage collector looks at them: most are gone by then."""

DEPTH = 6
"""So many tasks a helper has at a time: one that it is at, and enough that it has none to wait for while
what was made of several is written together."""

MOST = 3
"""More helpers than this have nothing to do: writing the store takes a third of the work."""

NICE = 10
"""By so much helpers give way to the process that they work for, and to a server on the same machine."""

_Kept = TypeVar("_Kept")
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class Helpers:
    """As many helpers as this machine has processors for, started when there is enough for them to do.

    *worth* is how many items are enough. What is less, or where there is one processor, is done
    here, by the same functions. Raises :class:`HelperError` where a helper is killed.
    """

    def __init__(self, worth: int = WORTH) -> None:
        self._worth = worth
        self._count = min(len(os.sched_getaffinity(0)), MOST)
        self._helpers: list[Helper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.end()

    def map(
        self, function: Callable[[_Task], _Result], tasks: Iterable[tuple[_Kept, _Task]], *, items: int
    ) -> Iterator[tuple[_Kept, _Result]]:
        """Yield what *function* makes of each task, in their order, beside what is kept here of the task.

        *items* is how many there are in all the tasks, about.
        """
        helpers = cycle(self._for(items))
        most = len(self._helpers) * DEPTH
        under_way: deque[tuple[_Kept, Helper]] = deque()
        for kept, task in tasks:
            helper = next(helpers, None)
            if helper is None:
                yield kept, function(task)
                continue
            helper.begin(function, task)
            under_way.append((kept, helper))
            if len(under_way) == most:
                done, helper = under_way.popleft()
                yield done, helper.result()
        for kept, helper in under_way:
            yield kept, helper.result()

    def prepare(self, function: Callable[[Any], Any], *, items: int) -> None:
        """Let helpers start and load what *function* needs, while something else is done here."""
        for helper in self._for(items):
            helper.load(function)

    def _for(self, items: int) -> "list[Helper]":
        """Return the helpers for so many items; none where they are not worth it."""
        if items < self._worth or self._count == 1:
            return []
        if not self._helpers:
            self._helpers = [Helper() for _ in range(self._count)]
        return self._helpers


class HelperError(Exception):
    """A helper is gone, or cannot be had: one line for the operator."""


class Helper:
    """A process, and the pipe to it.

    What is sent is pickled here, since the pipe's own pickling is for more kinds of objects, and slower.
    """

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            # Not multiprocessing's own processes: they load the whole command line anew.
            try:
                self._process = subprocess.Popen(  # noqa: S603 - this program itself
                    [sys.executable, "-P", "-c", f"from oai.helpers import serve; serve({number})"],
                    pass_fds=[number],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    process_group=0,
                )
            except OSError as error:
                raise HelperError(f"a helper process cannot be started: {error.strerror}") from None

    def begin(self, function: Callable[[Any], Any], task: Any) -> None:
        """Give it a task, behind those that it has."""
        self._send((function, task))

    def load(self, function: Callable[[Any], Any]) -> None:
        """Have it import what *function* is made of: that takes a part of a second."""
        self._send((function,))

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            self._pipe.send_bytes(pickle.dumps(message))
        except ConnectionError:
            self._lost()

    def result(self) -> Any:
        """Return what was made of the first task whose result was not taken; raises what was raised."""
        try:
            result, error = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 - from ourselves
        except (EOFError, OSError):  # OSError is also what ends in the middle of a result
            self._lost()
        if error is not None:
            raise error
        return result

    def has_result(self) -> bool:
        """Say whether :meth:`result` would return at once."""
        return self._pipe.poll()

    def _lost(self) -> NoReturn:
        status = self._process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise HelperError(f"a helper process {how}: nothing was changed. Is there enough memory?")

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.wait()


def serve(number: int) -> None:
    """Be a helper, at the other end of the pipe with this file descriptor."""
    os.nice(NICE)
    gc.freeze()  # what is loaded stays
    gc.set_threshold(COLLECTED)
    # Results are sent by a thread of their own: who waits for one to be taken could not take the next task.
    # OSError is also what ends in the middle of a task, where who sends it is killed.
    with suppress(EOFError, OSError), Connection(number) as pipe, ThreadPoolExecutor(1) as sender:
        while True:
            function, *tasks = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from ourselves
            if not tasks:
                continue  # it is loaded now
            answer: tuple[Any, Exception | None]
            try:
                answer = function(*tasks), None
            except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
                error.add_note(traceback.format_exc())
                answer = None, error
            sender.submit(pipe.send_bytes, pickle.dumps(answer))
