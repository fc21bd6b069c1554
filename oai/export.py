"""All items written out: as JSON Lines that ``oai sync`` reads, or as the records of one list."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, select

from oai import render
from oai.compression import body
from oai.intake import chunks
from oai.item import Item, merged
from oai.library import Library
from oai.protocol import datestamp
from oai.protocol.model import Page, Selection
from oai.protocol.response import Envelope, Records
from oai.protocol.syntax import is_set_spec
from oai.protocol.verbs import Verb
from oai.sources import jsonl
from oai.sources.files import SourceError
from oai.store.contributions import Contributions
from oai.store.horizon import Horizon
from oai.store.repository import SqlRepository
from oai.store.schema import FormatRow, ItemRow, PlacementRow, RecordRow, Scope, SetRow

_PAGE = 1000  # records read at a time


def as_jsonl(
    connection: Connection, set_spec: str | None = None, *, datestamps: bool = False
) -> Iterator[bytes]:
    """Yield a line for each item, live or deleted, in the order in which they came to the library.

    A deleted item has its ``id`` and the ``tags`` and ``sections`` that it ever had, in the words
    of the sets' names. With *datestamps* each line has that of the item's oai_dc record, for
    ``oai sync --keep-datestamps``. Raises SourceError for a set that is not known.
    """
    contributions = Contributions(connection)
    sets = {id_: (spec, name) for id_, spec, name in connection.execute(_SETS)}
    for ids in chunks(_item_ids(connection, set_spec)):
        rows = connection.execute(_ITEMS.where(ItemRow.id.in_(ids))).all()
        said = contributions.of_items([id_ for id_, _, deleted in rows if not deleted])
        gone = _places(connection, [id_ for id_, _, deleted in rows if deleted])
        stamps = _datestamps(connection, ids) if datestamps else {}
        for id_, local, deleted in rows:
            if deleted:
                # In the order of setSpecs: the numbers are others in the next store.
                item = _tombstone(local, sorted(sets[set_id] for set_id in gone.get(id_, ())))
            else:
                item = merged([jsonl.load(one.content) for one in said[id_]])
            line = jsonl.write(item)
            if id_ in stamps:
                line = line[:-1] + f',"datestamp":"{datestamp.write(stamps[id_])}"}}'.encode()
            yield line + b"\n"


def as_xml(connection: Connection, library: Library, set_spec: str | None, at: Horizon) -> Iterator[bytes]:
    """Yield one ListRecords response that has the whole list in oai_dc, deleted records included.

    Its responseDate is one to harvest from next: see :mod:`oai.store.horizon`. Raises SourceError
    where there is no record.
    """
    settings = library.settings
    formats = [known.metadata_format() for known in library.formats.values()]
    repository = SqlRepository(connection, formats, settings.namespace, settings.page_bytes, horizon=at)
    if set_spec is not None and not repository.has_set(set_spec):
        raise SourceError(f"there is no set {set_spec}")
    selection = Selection("oai_dc", set_spec=set_spec)
    first = repository.page(selection, None, _PAGE, headers_only=False)
    if not first.count:
        raise SourceError("there are no records to write")
    arguments = {"verb": "ListRecords", "metadataPrefix": "oai_dc"} | ({"set": set_spec} if set_spec else {})
    answer = Records(Verb.LIST_RECORDS, (), None)
    envelope = Envelope(at.complete_until, settings.base_url, list(arguments.items()), answer)
    yield from render.stream(envelope, _pieces(repository, selection, first))


def _pieces(repository: SqlRepository, selection: Selection, page: Page) -> Iterator[bytes]:
    yield body(page.pieces, None)
    while page.next:
        page = repository.page(selection, page.next, _PAGE, headers_only=False)
        yield body(page.pieces, None)


def _item_ids(connection: Connection, set_spec: str | None) -> Iterator[int]:
    """Yield the items that have records, of a set those that are in it or were when they were deleted."""
    query = select(ItemRow.id).where(ItemRow.deleted.is_not(None)).order_by(ItemRow.id)
    if set_spec is not None:
        named = select(SetRow.id).where(SetRow.spec == set_spec)
        set_id = connection.scalar(named) if is_set_spec(set_spec) else None
        if set_id is None:
            raise SourceError(f"there is no set {set_spec}")
        members = select(PlacementRow.item_id).where(
            PlacementRow.set_id == set_id, PlacementRow.scope != int(Scope.BASE_URL)
        )
        query = query.where(ItemRow.id.in_(members))
    yield from connection.scalars(query)


def _places(connection: Connection, item_ids: Sequence[int]) -> Mapping[int, list[int]]:
    """Return the sets that items were ever in."""
    query = (
        select(PlacementRow.item_id, PlacementRow.set_id).where(PlacementRow.item_id.in_(item_ids)).distinct()
    )
    found: dict[int, list[int]] = {}
    for item_id, set_id in connection.execute(query.order_by(PlacementRow.set_id)):
        found.setdefault(item_id, []).append(set_id)
    return found


def _datestamps(connection: Connection, item_ids: Sequence[int]) -> Mapping[int, int]:
    query = (
        select(RecordRow.item_id, RecordRow.datestamp)
        .join(FormatRow, FormatRow.id == RecordRow.format_id)
        .where(FormatRow.prefix == "oai_dc", RecordRow.item_id.in_(item_ids))
    )
    return dict(connection.execute(query).all())


def _tombstone(local: str, sets: Sequence[tuple[str, str]]) -> Item:
    named = {
        parent: tuple(name for spec, name in sets if spec.startswith(parent + ":"))
        for parent in ("tag", "section")
    }
    return Item(local, tags=named["tag"], sections=named["section"], deleted=True)


_SETS = select(SetRow.id, SetRow.spec, SetRow.name)
_ITEMS = select(ItemRow.id, ItemRow.local, ItemRow.deleted).order_by(ItemRow.id)
