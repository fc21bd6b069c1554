"""The containers in which Identify and records say more than the protocol's own words.

They are those of the implementation guidelines: oai-identifier, friends, branding, eprints,
rightsManifest in Identify, and rights and provenance in the about part of a record.
"""

from collections.abc import Sequence

from lxml import etree

from oai.formats import SCHEMA_LOCATION, XSI
from oai.item import Provenance
from oai.protocol.syntax import oai_identifier
from oai.settings import Settings

OAI = "http://www.openarchives.org/OAI/"
_METADATA = OAI + "2.0/entity#metadata"


def oai_identifier_description(namespace: str, sample: str) -> bytes:
    """Return the description of the identifiers' form; *sample* is the local part of one."""
    root = _root(OAI + "2.0/oai-identifier", OAI + "2.0/oai-identifier.xsd", "oai-identifier")
    _add(root, "scheme", "oai")
    _add(root, "repositoryIdentifier", namespace)
    _add(root, "delimiter", ":")
    _add(root, "sampleIdentifier", oai_identifier(namespace, sample))
    return _written(root)


def descriptions(settings: Settings, sample: str) -> Sequence[bytes]:
    """Return all that the settings give; each is the XML inside a description element."""
    found = [oai_identifier_description(settings.namespace, sample)]
    if settings.eprints_content or settings.eprints_metadata_policy or settings.eprints_data_policy:
        found.append(_eprints(settings))
    if settings.friends:
        found.append(_friends(settings.friends))
    if settings.branding_icon:
        found.append(_branding(settings))
    if settings.metadata_licence:
        found.append(_rights_manifest(settings.metadata_licence))
    return found


def rights(licence: str) -> bytes:
    """Return the rights that a record's about part states for its metadata."""
    root = _root(OAI + "2.0/rights/", OAI + "2.0/rights.xsd", "rights")
    _add(root, "rightsReference").set("ref", licence)
    return _written(root)


def provenance(origin: Provenance) -> bytes:
    """Return the provenance that the about part of a harvested record states: the latest step outermost."""
    root = parent = _root(OAI + "2.0/provenance", OAI + "2.0/provenance.xsd", "provenance")
    for step in origin.chain():
        parent = _add(parent, "originDescription")
        parent.set("harvestDate", step.harvest_date)
        parent.set("altered", "true" if step.altered else "false")
        _add(parent, "baseURL", step.base_url)
        _add(parent, "identifier", step.identifier)
        _add(parent, "datestamp", step.datestamp)
        _add(parent, "metadataNamespace", step.metadata_namespace)
    return _written(root)


def _eprints(settings: Settings) -> bytes:
    root = _root(OAI + "1.1/eprints", OAI + "1.1/eprints.xsd", "eprints")
    for name, text in (
        ("content", settings.eprints_content),
        ("metadataPolicy", settings.eprints_metadata_policy or ""),
        ("dataPolicy", settings.eprints_data_policy or ""),
        ("submissionPolicy", settings.eprints_submission_policy),
    ):
        if text is not None:
            policy = _add(root, name)
            if text:
                _add(policy, "text", text)
    return _written(root)


def _friends(base_urls: Sequence[str]) -> bytes:
    root = _root(OAI + "2.0/friends/", OAI + "2.0/friends.xsd", "friends")
    for base_url in base_urls:
        _add(root, "baseURL", base_url)
    return _written(root)


def _branding(settings: Settings) -> bytes:
    root = _root(OAI + "2.0/branding/", OAI + "2.0/branding.xsd", "branding")
    icon = _add(root, "collectionIcon")
    for name, text in (
        ("url", settings.branding_icon),
        ("link", settings.branding_link),
        ("title", settings.branding_title),
    ):
        if text:
            _add(icon, name, text)
    return _written(root)


def _rights_manifest(licence: str) -> bytes:
    root = _root(OAI + "2.0/rights/", OAI + "2.0/rightsManifest.xsd", "rightsManifest")
    root.set("appliesTo", _METADATA)
    _add(_add(root, "rights"), "rightsReference").set("ref", licence)
    return _written(root)


def _root(namespace: str, schema: str, name: str) -> etree._Element:
    nsmap = {None: namespace, "xsi": XSI}
    root = etree.Element(f"{{{namespace}}}{name}", nsmap=nsmap)  # type: ignore[arg-type]  # stubs want no None
    root.set(SCHEMA_LOCATION, f"{namespace} {schema}")
    return root


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = text
    return child


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="utf-8")
