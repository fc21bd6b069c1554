import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.protocol import syntax

# oai-identifier.xsd, 2007-06-07
PATTERN = re.compile(
    r"oai:[a-zA-Z][a-zA-Z0-9\-]*(\.[a-zA-Z][a-zA-Z0-9\-]*)+:[a-zA-Z0-9\-_.!~*'();/?:@&=+$,%]+", re.ASCII
)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_local_part_comes_back(local: str) -> None:
    """What is escaped into an identifier is legal there, and comes back as it was."""
    identifier = syntax.oai_identifier("library.example.org", local)
    assert PATTERN.fullmatch(identifier)
    assert syntax.is_uri(identifier)
    assert syntax.local_part("library.example.org", identifier) == local


@pytest.mark.parametrize(
    "identifier",
    [
        "oai:other.example.org:a",
        "oai:library.example.org:%61",
        "oai:library.example.org:%c3%a9",
        "a",
        "oai:library.example.org:%FF",
    ],
)
def test_identifiers_that_are_not_ours(identifier: str) -> None:
    """An identifier in another namespace, or escaped otherwise than we do, is none of ours."""
    assert syntax.local_part("library.example.org", identifier) is None


def test_ancestors() -> None:
    """The sets above a set are those that its setSpec begins with, part by part."""
    assert syntax.ancestors("a:b:c") == ["a", "a:b"]
    assert syntax.ancestors("ab") == []


@pytest.mark.parametrize(
    "namespace", ["example", "1a.example", "a..b", "a.b.", "é.example", "a_b.example", ""]
)
def test_namespaces_that_are_no_domains(namespace: str) -> None:
    """A namespace is a domain name with a dot whose labels begin with a letter."""
    assert not syntax.is_namespace(namespace)
