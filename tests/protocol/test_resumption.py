import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.protocol.errors import BadResumptionToken
from oai.protocol.model import Position, Selection
from oai.protocol.resumption import RecordsToken, SetsToken, Tokens
from oai.protocol.verbs import Verb

BASE_URL = "https://library.example.org/oai"
NUMBERS = st.integers(0, 2**53)
SELECTIONS = st.builds(
    Selection,
    st.from_regex(r"[A-Za-z0-9_.~*'()!-]{1,20}", fullmatch=True),
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    st.none() | st.from_regex(r"[a-z0-9-]{1,60}(:[a-z0-9-]{1,60})?", fullmatch=True),
)
TOKENS = st.builds(
    RecordsToken, SELECTIONS, st.builds(Position, NUMBERS, NUMBERS), NUMBERS, st.none() | NUMBERS, NUMBERS
)
LISTS = st.sampled_from([Verb.LIST_RECORDS, Verb.LIST_IDENTIFIERS])


@given(LISTS, TOKENS)
def test_tokens_come_back(verb: Verb, token: RecordsToken) -> None:
    """A token stands for its selection and place, in characters that no harvester need escape."""
    tokens = Tokens([b"key"], BASE_URL)
    text = tokens.write_records(verb, token)
    assert tokens.read_records(verb, text) == token
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,600}", text)


@given(LISTS, TOKENS, st.data())
def test_tokens_that_were_changed_are_refused(verb: Verb, token: RecordsToken, data: st.DataObject) -> None:
    """One other character makes it a token that nobody has given out."""
    tokens = Tokens([b"key"], BASE_URL)
    text = tokens.write_records(verb, token)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("Ab1-_."))
    changed = text[:place] + other + text[place + 1 :]
    # The last character of a base64 text may spell unused bits: then both spell the same token.
    try:
        assert tokens.read_records(verb, changed) == token
    except BadResumptionToken:
        assert changed != text


@given(st.text())
def test_junk_is_refused(text: str) -> None:
    """Text that nobody gave out is a bad token, whatever it is."""
    tokens = Tokens([b"key"], BASE_URL)
    with pytest.raises(BadResumptionToken):
        tokens.read_records(Verb.LIST_RECORDS, text)
    with pytest.raises(BadResumptionToken):
        tokens.read_sets(text)


def test_a_token_belongs_to_its_verb_and_base_url() -> None:
    """A token of another verb or another base URL is a bad token (§4)."""
    token = RecordsToken(Selection("oai_dc"), Position(1, 2), 3, None, 4)
    text = Tokens([b"key"], BASE_URL).write_records(Verb.LIST_RECORDS, token)
    for tokens, verb in (
        (Tokens([b"key"], BASE_URL), Verb.LIST_IDENTIFIERS),
        (Tokens([b"key"], BASE_URL + "/sets/tag:a"), Verb.LIST_RECORDS),
        (Tokens([b"other"], BASE_URL), Verb.LIST_RECORDS),
    ):
        with pytest.raises(BadResumptionToken):
            tokens.read_records(verb, text)


def test_a_new_key_keeps_old_tokens() -> None:
    """When the key is changed, tokens of the old one are still good, and new ones have the new key."""
    token = SetsToken("tag:a", 7)
    old, both, new = (Tokens(keys, BASE_URL) for keys in ([b"old"], [b"old", b"new"], [b"new"]))
    assert both.read_sets(old.write_sets(token)) == token
    assert new.read_sets(both.write_sets(token)) == token
