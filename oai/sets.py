"""Tags and section headings as sets (§2.6): which setSpec and which name each of them has."""

import hashlib
import unicodedata
from functools import lru_cache

from slugify import slugify

from oai.formats.dublin_core import heading
from oai.item import Item, normalise

PARENTS = {"tag": "Tags", "section": "Sections"}
"""The sets above all others, and their names."""


def sets_of(item: Item) -> dict[str, str]:
    """Return the sets that *item* is in, without their parents: the name of each by its setSpec."""
    found: dict[str, str] = {}
    for tag in item.tags:
        found.setdefault(f"tag:{slug(tag)}", tag)
    for section in item.sections:
        found.setdefault(f"section:{slug(section)}", heading(section))
    return found


@lru_cache(maxsize=100_000)
def slug(name: str) -> str:
    """Return the part of a setSpec that stands for *name*.

    Names that differ in case, accents, spaces or punctuation are one set. Where the slug says
    less than the name, because it spells another script in Latin letters or leaves out a "+" or
    "#", a few digits of a hash keep different names apart.
    """
    plain = slugify(name)
    if plain and all(_is_spelt(character) for character in normalise(name)):
        return plain
    digits = hashlib.sha256(normalise(name).encode()).hexdigest()[:6]
    return f"{plain}-{digits}" if plain else digits


def _is_spelt(character: str) -> bool:
    """Say whether a slug keeps a character, or loses nothing that tells two names apart."""
    category = unicodedata.category(character)
    if category[0] in "LN":
        return character.isascii() or "LATIN" in unicodedata.name(character, "")
    return category[0] in "PZM" and character not in "#%@*"
