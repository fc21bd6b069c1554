"""What a PATH of ``oai sync`` names: a source, and the files in it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class SourceError(Exception):
    """A source cannot be read, or is refused: one line for the operator."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source; ``name`` is its path within the source, ``size`` is in bytes."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """A source. Its ``name`` is how the store remembers it from one sync to the next."""

    name: str
    files: Sequence[File]


def find_source(path: str, configured: Sequence[str] = ()) -> Source:
    """Return the source at *path*, with its files in the order of their names.

    A path of the settings is remembered as it is written there, so that the installation can
    be moved; another one is remembered by its absolute path. Hidden files are none of the
    source's. Raises :class:`SourceError` for what is not there or holds nothing: that is a
    mistake to be mended, and no reason to delete everything.
    """
    given = Path(path)
    absolute = os.path.realpath(given)
    name = next((known for known in configured if os.path.realpath(known) == absolute), _printable(absolute))
    try:
        if not given.exists():
            raise SourceError(f"{path}: there is no such file or directory")
        if not given.is_dir() and not given.is_file():
            raise SourceError(f"{path}: this is neither a directory nor a file")
        if not given.is_dir():
            return Source(name, [File(_printable(given.name), given, given.stat().st_size)])
        files = [
            File(_printable(found.relative_to(given).as_posix()), found, found.lstat().st_size)
            for directory, _, names in os.walk(given, onerror=_fail)
            for found in (Path(directory, name) for name in names)
            if not any(part.startswith(".") for part in found.relative_to(given).parts)
        ]
    except OSError as error:
        raise SourceError(f"{error.filename or path}: {error.strerror}") from None
    if not files:
        raise SourceError(f"{path}: there is no file in this directory")
    return Source(name, sorted(files, key=lambda file: file.name))


def _printable(name: str) -> str:
    """Return a name that can be printed and stored, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _fail(error: OSError) -> None:
    raise error
