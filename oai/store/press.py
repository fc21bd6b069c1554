"""Blocks given their forms: here, or by a helper while something else is done here.

To compress is a tenth of the work of a large sync, and needs no store (:mod:`oai.helpers`).
"""

import os
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from oai.helpers import Helper
from oai.store.forms import Forms, Maker, Packed, coded, pack

WORTH = 500
"""For fewer blocks than this, starting a helper takes longer than it saves."""

MOST = 12
"""So many blocks are under way at most: the pipe to a helper has room for them. What comes then is done here,
since a helper that is behind has no processor to itself."""

_Kept = TypeVar("_Kept")


class Press(Generic[_Kept]):
    """Gives blocks their forms, in whatever order.

    Raises :class:`oai.helpers.HelperError` where the helper is killed.
    """

    def __init__(self) -> None:
        self._maker: Maker | None = None
        self._helper: Helper | None = None
        self._begun = 0
        self._done: deque[tuple[_Kept, Forms]] = deque()
        self._under_way: deque[tuple[_Kept, Packed]] = deque()

    def begin(self, kept: _Kept, xml: bytes) -> None:
        """Begin with a block; *kept* comes back with its forms."""
        self._begun += 1
        if self._begun == WORTH and len(os.sched_getaffinity(0)) > 1:
            self._helper = Helper()
            self._helper.load(coded)
        if self._helper and len(self._under_way) < MOST:
            block = pack(xml)  # a third of the bytes to send
            self._helper.begin(coded, block)
            self._under_way.append((kept, block))
        else:
            self._done.append((kept, self.forms(xml)))

    def forms(self, xml: bytes) -> Forms:
        """Return the forms of a block, made here and now."""
        self._maker = self._maker or Maker()
        return self._maker.forms(xml)

    def done(self, *, wait: bool = False) -> Iterator[tuple[_Kept, Forms]]:
        """Yield what is done; with *wait*, all that was begun."""
        while self._helper and self._under_way and (wait or self._helper.has_result()):
            self._take(self._helper)
        while self._done:
            yield self._done.popleft()

    def _take(self, helper: Helper) -> None:
        kept, block = self._under_way.popleft()
        self._done.append((kept, Forms(*block, *helper.result())))

    def end(self) -> None:
        """End the helper; what is under way is dropped."""
        self._maker = None  # at once: a server that has synced goes on to fork
        if self._helper:
            self._helper.end()
            self._helper = None
