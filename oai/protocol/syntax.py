"""What may be written for a metadataPrefix, a setSpec and an identifier (§2.4, §2.6, §3.4).

The same patterns bind what harvesters ask for and what the store may hold.
"""

import re
from urllib.parse import quote, unquote

_UNRESERVED = r"[A-Za-z0-9\-_.!~*'()]+"
_METADATA_PREFIX = re.compile(_UNRESERVED, re.ASCII)
_SET_SPEC = re.compile(rf"{_UNRESERVED}(?::{_UNRESERVED})*", re.ASCII)

# RFC 3986, without the brackets and the second "#" that XML Schema's anyURI refuses.
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
    r"(?:#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?",
    re.ASCII,
)

_BASE_URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9\-]*(?:\.[A-Za-z][A-Za-z0-9\-]*)+", re.ASCII)
_LOCAL_SAFE = "-_.!~*'();/?:@&=+$,"
_PLAIN_LOCAL = re.compile(rf"[A-Za-z0-9{re.escape(_LOCAL_SAFE)}]*", re.ASCII)

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_metadata_prefix(text: str) -> bool:
    """Say whether *text* may name a metadata format."""
    return _METADATA_PREFIX.fullmatch(text) is not None


def is_set_spec(text: str) -> bool:
    """Say whether *text* may name a set: parts between colons, none empty."""
    return _SET_SPEC.fullmatch(text) is not None


def is_uri(text: str) -> bool:
    """Say whether *text* may be a unique identifier, which has to be a URI (§2.4)."""
    return _URI.fullmatch(text) is not None


def is_base_url(text: str) -> bool:
    """Say whether *text* may be the base URL of a repository: HTTP, and no arguments (§3.1.1)."""
    return _BASE_URL.fullmatch(text) is not None and is_uri(text)


def is_namespace(text: str) -> bool:
    """Say whether *text* may be the namespace of oai-identifiers: a domain name with a dot."""
    return _NAMESPACE.fullmatch(text) is not None


def is_xml_text(text: str) -> bool:
    """Say whether every character of *text* is one that XML 1.0 can carry."""
    return _NOT_XML.search(text) is None


def ancestors(set_spec: str) -> list[str]:
    """Return the sets above *set_spec*, the highest first: ``a`` and ``a:b`` for ``a:b:c``."""
    parts = set_spec.split(":")
    return [":".join(parts[:n]) for n in range(1, len(parts))]


def oai_identifier(namespace: str, local: str) -> str:
    """Return the identifier of *local* in *namespace* (guidelines for oai-identifier, §2).

    What may not stand in the local part is escaped as UTF-8 with upper-case digits, the
    percent sign included, so that :func:`local_part` gives *local* back.
    """
    escaped = local if _PLAIN_LOCAL.fullmatch(local) else quote(local, safe=_LOCAL_SAFE)
    return f"oai:{namespace}:{escaped}"


def local_part(namespace: str, identifier: str) -> str | None:
    """Return the local part, unescaped, of an *identifier* in *namespace*, or None for another's.

    Identifiers are compared as they are written: one that escapes what need not be
    escaped is another identifier, and no item has it.
    """
    prefix = f"oai:{namespace}:"
    if not identifier.startswith(prefix):
        return None
    try:
        local = unquote(identifier[len(prefix) :], errors="strict")
    except UnicodeDecodeError:
        return None
    return local if oai_identifier(namespace, local) == identifier else None
