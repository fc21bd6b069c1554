"""What a process that reads from replicas knows of responseDates that were claimed on the primary.

A replica shows a claim only once it has replayed it, and many requests of one second need the same
one. So what was claimed is kept here, with the state that it was claimed for: see
:mod:`oai.store.horizon`, which also says why that is right.
"""

import threading
import time

_PAUSE = 0.2  # seconds before what the primary has refused is asked of it again


class Claims:
    """Claims that the primary is known to have, and whether it need be asked for others."""

    def __init__(self) -> None:
        self.one_at_a_time = threading.Lock()
        """Who has it may claim: of many requests in a second, one does, and the others find it done."""
        self.is_away = False
        """Whether the primary cannot be written to, as far as is known."""
        self._held = (0, -1)
        self._refused = (-1, 0.0)

    def hold(self, now: int, last_serial: int) -> bool:
        """Say whether *now*, or a later moment, was claimed where *last_serial* was the last change."""
        until, serial = self._held
        return serial == last_serial and now <= until

    def keep(self, until: int, last_serial: int) -> None:
        """Note that *until* is claimed on the primary, where *last_serial* is the last change."""
        self._held = (until, last_serial)

    def refuse(self, last_serial: int) -> None:
        """Note that the primary could not make a claim for the state with this last change."""
        self._refused = (last_serial, time.monotonic())

    def may_try(self, last_serial: int) -> bool:
        """Say whether it is worth the while to ask the primary for a claim."""
        if self.is_away:
            return False
        refused, when = self._refused
        return refused != last_serial or time.monotonic() - when > _PAUSE

    def forget(self) -> None:
        """Forget all of it: another server may have become the primary, and lack what the old one had."""
        self._held = (0, -1)
        self._refused = (-1, 0.0)
