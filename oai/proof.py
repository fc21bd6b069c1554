"""The proof sheet of a dry run: what each item was read as, for a person to read against the source."""

from collections.abc import Iterator, Sequence

from oai.intake import Finding
from oai.item import Item, Name

_ABSTRACT = 60  # characters of its beginning and of its end


def sheet(items: Sequence[tuple[str, int, Item]], findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the lines for items with their file and line; what was doubted of an item stands with it."""
    doubts: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.id is not None:
            doubts.setdefault(finding.id, []).append(finding)
    for file, line, item in items:
        yield f"{file}:{line}  {item.id}"
        if item.deleted:
            yield "  deleted"
        for label, value in () if item.deleted else _fields(item):
            yield f"  {label:<11} {value}"
        for finding in doubts.get(item.id, ()):
            done = f" ({finding.done})" if finding.done else ""
            yield f"  ?           {finding.reason}{done}"
        yield ""


def _fields(item: Item) -> Iterator[tuple[str, str]]:
    yield "title", item.title
    for label, names in (
        ("creators", item.creators),
        ("editors", item.editors),
        ("contributors", item.contributors),
    ):
        if names or label == "creators":
            yield label, "; ".join(map(_name, names)) or "–"
    yield "abstract", _shortened(item.description) if item.description else "–"
    imprint = (
        ("place", item.place),
        ("publisher", item.publisher),
        ("date", item.date),
        ("extent", item.extent),
    )
    for label, value in (*imprint, ("source", item.source)):
        yield label, value or "–"
    for label, values in (
        ("tags", item.tags),
        ("sections", item.sections),
        ("identifiers", item.identifiers),
    ):
        if values:
            yield label, "; ".join(values)
    for label, value in (("type", item.type), ("language", item.language), ("url", item.url)):
        if value:
            yield label, value


def _name(name: Name) -> str:
    return f"{name.name} [body]" if name.kind == "corporate" else name.name


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= 2 * _ABSTRACT + 3:
        return flat
    return f"{flat[:_ABSTRACT].rstrip()} … {flat[-_ABSTRACT:].lstrip()} ({len(text)} characters)"
