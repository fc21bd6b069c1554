"""Validation of a whole response: our own rules always, the published schemas where they are at hand.

The schemas are not ours to ship. They are looked for in ``../shared/xsd`` beside the repository, or
where the environment variable ``OAI_XSD`` says, with the ``catalog.xml`` that maps the addresses
they are published under to files. Nothing is ever fetched.
"""

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from oai.conformance import problems_in

QDC = "http://worldcat.org/xmlschemas/qdc-1.0/"
CATALOG = "{urn:oasis:names:tc:entity:xmlns:xml:catalog}"
DCMI = "http://dublincore.org/schemas/xmls/qdc/2008/02/11/qualifieddc.xsd"
QDC_SCHEMA = "http://worldcat.org/xmlschemas/qdc/1.0/qdc-1.0.xsd"

OAI = "http://www.openarchives.org/OAI/2.0/"
SCHEMAS = {
    OAI: f"{OAI}OAI-PMH.xsd",
    f"{OAI}oai_dc/": f"{OAI}oai_dc.xsd",
    f"{OAI}oai-identifier": f"{OAI}oai-identifier.xsd",
    f"{OAI}friends/": f"{OAI}friends.xsd",
    f"{OAI}branding/": f"{OAI}branding.xsd",
    "http://www.openarchives.org/OAI/1.1/eprints": "http://www.openarchives.org/OAI/1.1/eprints.xsd",
    f"{OAI}provenance": f"{OAI}provenance.xsd",
    # It includes rights.xsd, whose namespace it shares.
    f"{OAI}rights/": f"{OAI}rightsManifest.xsd",
}

# DCMI's schema leaves the namespace of its container to the application (chameleon include).
APPLICATION = f"""<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="{QDC}">
  <include schemaLocation="{DCMI}"/>
</schema>"""


class _Catalog(etree.Resolver):
    """Finds each published schema by the catalog alone; an address it lacks is an error."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        entries = etree.parse(folder / "catalog.xml").iter(f"{CATALOG}system")
        self.files = {entry.get("systemId"): folder / str(entry.get("uri")) for entry in entries}

    def resolve(self, system_url: str, public_id: str | None, context: Any = None) -> Any:  # noqa: ARG002
        """Return the schema at *system_url* from its file; a schema beside it is found as it is."""
        if system_url == QDC_SCHEMA:
            return self.resolve_string(APPLICATION, context, base_url=QDC_SCHEMA)
        if system_url in self.files:
            return self.resolve_filename(str(self.files[system_url]), context)  # type: ignore[attr-defined]
        if Path(system_url).is_relative_to(self.folder):
            return None
        raise LookupError(f"the catalog does not have {system_url}")


def schemas_folder() -> Path | None:
    """Return where the published schemas are; None, but never in continuous integration, if nowhere."""
    repository = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("OAI_XSD") or repository.parent / "shared" / "xsd")
    if (folder / "catalog.xml").is_file():
        return folder.resolve()
    if os.environ.get("CI", "").lower() == "true":
        raise AssertionError(f"the published schemas are not in {folder}; set OAI_XSD to where they are")
    return None


_LOADING = threading.Lock()
"""Two threads that load schemas at once get one that lacks something."""


@cache
def _schema(folder: Path, *, qualified: bool) -> etree.XMLSchema:
    """Return one schema of all that a response may hold.

    OAI-PMH.xsd takes what stands in its containers strictly, so the schema of every namespace has
    to be imported. Two different schemas are published for the Dublin Core elements; the one of
    oai_dc gives way where qualified Dublin Core is to be read, and is also right for oai_dc.
    """
    locations = {QDC: QDC_SCHEMA, **SCHEMAS} if qualified else SCHEMAS
    imports = "".join(
        f'<import namespace="{namespace}" schemaLocation="{location}"/>'
        for namespace, location in locations.items()
    )
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Catalog(folder))
    wrapper = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(wrapper, parser))


def problems_by_schema(body: bytes, folder: Path) -> list[str]:
    """Return what the published schemas in *folder* find wrong with *body*."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        return [f"not well-formed: {error.msg}"]
    with _LOADING:
        schema = _schema(folder, qualified=QDC.encode() in body)
    if schema.validate(root):
        return []
    log: Any = schema.error_log
    return [f"line {entry.line}: schema: {entry.message}" for entry in log]


def validate(body: bytes, schemas: bool = True) -> None:  # noqa: FBT001, FBT002
    """Assert that *body* is a sound response; with *schemas*, by the published ones too."""
    problems = problems_in(body)
    if schemas and (folder := schemas_folder()):
        problems += problems_by_schema(body, folder)
    assert not problems, "\n".join(("the response is not sound:", *problems))
