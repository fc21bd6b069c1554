"""Records cut out of blocks; where they lie is in their rows (:class:`oai.store.schema.RecordRow`)."""

from typing import NamedTuple

from oai.protocol.model import Record
from oai.store import forms
from oai.store.database import StoreError

_BEFORE, _BETWEEN, _BEHIND = len(b"<record>"), len(b"</header>"), len(b"</record>\n")


class Place(NamedTuple):
    """Where a record lies in its block."""

    start: int
    header_size: int
    set_specs_size: int
    size: int

    def record(self, xml: bytes, *, with_sets: bool = True) -> Record:
        """Return the record element, with the setSpec elements of its header or without them."""
        end = self.start + self.size
        if with_sets:
            return xml[self.start : end]
        sets = self.start + _BEFORE + self.header_size
        return xml[self.start : sets] + xml[sets + self.set_specs_size : end]

    def header(self, xml: bytes, *, with_sets: bool = True) -> Record:
        """Return the header element as ListIdentifiers has it."""
        start = self.start + _BEFORE
        sets = start + self.header_size
        if with_sets:
            return xml[start : sets + self.set_specs_size + _BETWEEN] + b"\n"
        return xml[start:sets] + b"</header>\n"

    def set_specs(self, xml: bytes) -> bytes:
        """Return the setSpec elements of the header."""
        start = self.start + _BEFORE + self.header_size
        return xml[start : start + self.set_specs_size]

    def body(self, xml: bytes) -> bytes:
        """Return what follows the header: the metadata and about elements."""
        before = _BEFORE + self.header_size + self.set_specs_size + _BETWEEN
        return xml[self.start + before : self.start + self.size - _BEHIND]


def unpacked(size: int, crc32: int, lz4: bytes) -> bytes:
    """Return the records of a block, whose columns these are; raises StoreError where they are damaged."""
    try:
        return forms.unpack(forms.Packed(size, crc32, lz4))
    except ValueError as error:
        raise StoreError(f"a block of records is damaged: {error}") from error


def departed_record(header: bytes) -> Record:
    """Return the deleted record that a placement is by itself; *header* is its own."""
    return b"<record>%b</header></record>\n" % header


def departed_header(header: bytes) -> Record:
    """Return the header of that record as ListIdentifiers has it."""
    return header + b"</header>\n"
