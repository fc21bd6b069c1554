"""An envelope written as XML: one short function for each element, named for it (§3.2, §4).

Records come ready (:data:`oai.protocol.model.Record`) and are never parsed. Everything
else is text of ours or of the request, which :mod:`oai.protocol.request` has kept to what XML can
carry; it is escaped here, once.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never
from xml.sax.saxutils import escape

from oai.protocol import datestamp
from oai.protocol.datestamp import Granularity
from oai.protocol.errors import ProtocolError
from oai.protocol.model import MetadataFormat, Piece, Record, Set
from oai.protocol.response import (
    Envelope,
    Errors,
    Formats,
    Identified,
    OneRecord,
    Records,
    ResumptionToken,
    Sets,
)

_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/'
    ' http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
)
_CLOSING = b"</OAI-PMH>\n"

_OAI_DC_OPENING = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/'
    ' http://www.openarchives.org/OAI/2.0/oai_dc.xsd">'
)

# An XML parser turns white space within an attribute into spaces unless it is written so.
_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)


def pieces(envelope: Envelope) -> list[Piece]:
    """Return the whole response in pieces, those of a list as the repository gave them."""
    inside: list[Piece]
    match envelope.answer:
        case Errors(errors):
            inside = [*map(_error, errors)]
        case Identified():
            inside = _identify(envelope.answer)
        case Formats(formats):
            inside = _element("ListMetadataFormats", map(_metadata_format, formats))
        case Sets(sets, token):
            inside = _element("ListSets", map(_set, sets), token)
        case OneRecord(record):
            inside = _element("GetRecord", [record])
        case Records(verb, records, token):
            inside = _element(verb, records, token)
        case _:
            assert_never(envelope.answer)
    return [_opening(envelope), *inside, _CLOSING]


def stream(envelope: Envelope, records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a ListRecords response that is longer than memory should be: *records*, not the answer."""
    yield _opening(envelope)
    yield b"<ListRecords>\n"
    yield from records
    yield b"</ListRecords>\n"
    yield _CLOSING


def record(head: bytes, set_specs: bytes, body: bytes) -> Record:
    """Return a record element; *head* is what :func:`header` gives, *body* what follows the header."""
    return b"<record>%b%b</header>%b</record>\n" % (head, set_specs, body)


def header(identifier: str, stamp: int, *, deleted: bool) -> bytes:
    """Return a record's header up to the end of its datestamp; :func:`set_spec` elements follow."""
    opening = '<header status="deleted">' if deleted else "<header>"
    return (
        f"{opening}<identifier>{escape(identifier)}</identifier>"
        f"<datestamp>{datestamp.write(stamp)}</datestamp>"
    ).encode()


def set_spec(spec: str) -> bytes:
    """Return the setSpec element of a header."""
    return f"<setSpec>{spec}</setSpec>".encode()


def _opening(envelope: Envelope) -> bytes:
    attributes = "".join([f' {name}="{value.translate(_IN_ATTRIBUTE)}"' for name, value in envelope.echoed])
    return (
        f"{_OPENING}<responseDate>{datestamp.write(envelope.response_date)}</responseDate>\n"
        f"<request{attributes}>{escape(envelope.base_url)}</request>\n"
    ).encode()


def _error(error: ProtocolError) -> bytes:
    return f'<error code="{error.code}">{escape(error.message)}</error>\n'.encode()


def _element(name: str, children: Iterable[Piece], token: ResumptionToken | None = None) -> list[Piece]:
    end = f"{_resumption_token(token) if token else ''}</{name}>\n"
    return [f"<{name}>\n".encode(), *children, end.encode()]


def _identify(answer: Identified) -> list[Piece]:
    identity = answer.identity
    lines = [
        f"<repositoryName>{escape(identity.repository_name)}</repositoryName>",
        f"<baseURL>{escape(identity.base_url)}</baseURL>",
        "<protocolVersion>2.0</protocolVersion>",
        *(f"<adminEmail>{escape(email)}</adminEmail>" for email in identity.admin_emails),
        f"<earliestDatestamp>{datestamp.write(answer.earliest_datestamp)}</earliestDatestamp>",
        "<deletedRecord>persistent</deletedRecord>",
        f"<granularity>{Granularity.SECOND.value}</granularity>",
        *(f"<compression>{escape(name)}</compression>" for name in identity.compressions),
    ]
    descriptions = [b"<description>" + inside + b"</description>\n" for inside in identity.descriptions]
    return _element("Identify", [("\n".join(lines) + "\n").encode(), *descriptions])


def _metadata_format(known: MetadataFormat) -> bytes:
    return (
        f"<metadataFormat><metadataPrefix>{known.prefix}</metadataPrefix>"
        f"<schema>{escape(known.schema)}</schema>"
        f"<metadataNamespace>{escape(known.namespace)}</metadataNamespace></metadataFormat>\n"
    ).encode()


def _set(known: Set) -> bytes:
    items = "1 item" if known.members == 1 else f"{known.members} items"
    return (
        f"<set><setSpec>{known.spec}</setSpec><setName>{escape(known.name)}</setName>"
        f"<setDescription>{_OAI_DC_OPENING}<dc:title>{escape(known.name)}</dc:title>"
        f"<dc:description>{items}</dc:description></oai_dc:dc></setDescription></set>\n"
    ).encode()


def _resumption_token(token: ResumptionToken) -> str:
    size = "" if token.complete_list_size is None else f' completeListSize="{token.complete_list_size}"'
    return f'<resumptionToken{size} cursor="{token.cursor}">{token.text}</resumptionToken>\n'
