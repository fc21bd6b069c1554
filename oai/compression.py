"""Content codings: which one a harvester gets, and how it is made (§3.1.3).

Most of a harvest lies compressed in both (:mod:`oai.splicing`). The rest is compressed here: isal
makes gzip about ten times faster than zlib does at the same size. Identify lists both codings, and
what it lists is always given to who asks for it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import zstandard
from isal import isal_zlib
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from oai import splicing
from oai.protocol.model import Encoded, Piece

_GZIP_LEVEL = 1
_GZIP_FORMAT = 31  # gzip's header and trailer, with the largest window
_ZSTD_LEVEL = 1


class _Zstandard(threading.local):
    """zstandard's own state, of more than a megabyte: made once for each thread, which share none."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)


_ZSTANDARD = _Zstandard()


def _gzip(pieces: Sequence[Piece]) -> bytes:
    plain = _plain(pieces)
    return splicing.gzip(pieces) if plain is None else isal_zlib.compress(plain, _GZIP_LEVEL, _GZIP_FORMAT)


def _zstd(pieces: Sequence[Piece]) -> bytes:
    plain = _plain(pieces)
    return splicing.zstd(pieces) if plain is None else _ZSTANDARD.compressor.compress(plain)


def _plain(pieces: Sequence[Piece]) -> bytes | None:
    """Return all of *pieces*, or None where some are encoded."""
    plain = [piece for piece in pieces if not isinstance(piece, Encoded)]
    return b"".join(plain) if len(plain) == len(pieces) else None


CODINGS: Mapping[str, Callable[[Sequence[Piece]], bytes]] = {"gzip": _gzip, "zstd": _zstd}
"""What is offered, in the order of preference where a harvester has none: each makes a body of pieces."""


def body(pieces: Sequence[Piece], coding: str | None) -> bytes:
    """Return *pieces* as one body in *coding*."""
    if coding:
        return CODINGS[coding](pieces)
    plain = _plain(pieces)
    assert plain is not None, "nothing is encoded unless it was asked for"
    return plain


def streamed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *pieces* compressed as one gzip stream."""
    compressor = isal_zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
    for piece in pieces:
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


@lru_cache(maxsize=256)  # there are few, and each comes with every request of a harvest
def chosen(accepted: str) -> str | None:
    """Return the coding to answer in, or None for no coding: identity is always acceptable.

    *accepted* is an Accept-Encoding header. A coding is used only where it is asked for with a
    quality above zero, and not below that of an identity that is asked for by name (RFC 9110,
    §12.5.3).
    """
    codings = parse_accept_header(accepted, Accept)
    best = max(CODINGS, key=codings.quality)
    named = {value.lower(): quality for value, quality in codings}
    quality = codings.quality(best)
    return best if quality > 0 and quality >= named.get("identity", 0) else None
