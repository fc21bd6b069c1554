"""Lines on which two parts of a post stand glued together, parted.

Pages lose line breaks: a byline runs into its abstract, an abstract into its imprint, a
subtitle holds the byline. A line is parted only where what comes off looks, by itself, very
much like what it is taken for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from oai.sources.pages import byline, imprint
from oai.sources.pages.blocks import Line

_SENTENCE = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][”\"’)\]]))\s+(?=[A-Z0-9“\"‘\[(À-Ý])")
_TAIL = 320  # characters at the end of a line in which an imprint is looked for
_CERTAIN = 3.5  # how much a tail must look like an imprint
_SMALL = frozenset(
    "and the of for van der den de la le du del di da dos das do von zu zur bin ibn al el y".split()
)
_SHORTEST_GLUED = 60
_LONGEST_BYLINE = 400
_LONGEST_SUBTITLE = 200
_LONGEST_ABBREVIATION = 3
_FEWEST_WORDS = 4  # of an abstract
_LIKELY = 2.0  # how much names must look like names
_BRACKET = re.compile(r"\([^()]*\)")
_BY = re.compile(r"\s+(?=by\s+[^\W\d_a-z])")
_STOP = re.compile(r"(?<=[^\W\d_]{2})\.\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Parted:
    """Lines with one part of a post on each, and what was found between parts and belongs to none."""

    lines: tuple[Line, ...]
    dropped: tuple[Line, ...]


def parted(lines: Iterable[Line]) -> Parted:
    """Return *lines*, the glued ones parted as if what stands on them had lines of its own."""
    kept: list[Line] = []
    dropped: list[Line] = []
    for line in lines:
        text, gap = line.text, line.gap
        if len(text) >= _SHORTEST_GLUED:
            if cut := _after_byline(text):
                kept.append(replace(line, text=text[:cut].strip()))
                text, gap = text[cut:].strip(), 1
            elif parts := _subtitled(text):
                dropped.append(replace(line, text=parts[0]))
                kept.append(replace(line, text=parts[1]))
                text, gap = parts[2], 1
            if cut := _before_imprint(text):
                kept.append(replace(line, text=text[:cut].strip(), gap=gap))
                text, gap = text[cut:].strip(), 1
        kept.append(replace(line, text=text, gap=gap))
    return Parted(tuple(kept), tuple(dropped))


def _subtitled(text: str) -> tuple[str, str, str] | None:
    """Find subtitle, byline and abstract in "A Chronicle 1788–1851 by T. W. Doe. “The men of …"."""
    opening = _BY.search(text[:_LONGEST_SUBTITLE])
    stop = _STOP.search(text, opening.end(), opening.end() + _LONGEST_BYLINE) if opening else None
    if not opening or not stop or re.search(r"[.!?“”]", text[: opening.start()]):
        return None
    words = [
        word for word in re.findall(r"[^\W\d_]\w*", text[: opening.start()]) if word.casefold() not in _SMALL
    ]
    capitals = sum(word[0].isupper() for word in words)
    names = text[opening.end() : stop.start()]
    if capitals < 0.7 * len(words) or byline.likeness(names[3:]) < _LIKELY:
        return None
    return text[: opening.start()], names, text[stop.end() :]


def _after_byline(text: str) -> int:
    """Return where the abstract begins in "By K. Doe Brewers and constables have …", or 0."""
    opening = byline.OPENING.match(text) or byline.ROLE.match(text)
    if not opening or opening.start() or _is_whole(text[opening.end() :]):
        return 0
    start = opening.end()
    # What is said in brackets is no part of the names, nor of a sentence.
    plain = _BRACKET.sub(lambda match: " " * len(match[0]), text[start : start + _LONGEST_BYLINE])
    words = list(re.finditer(r"\S+", plain))
    last = 0
    for index, match in enumerate(words):
        bare = match[0].strip(",;.&·")
        if index and _ends_sentence(words[index - 1][0]):
            if byline.ROLE.match(text, start + match.start()):
                return 0  # "… Esq. With notes by …"
            last = index
            break
        if bare and not bare[0].isupper() and bare not in _SMALL and not byline.ROLE.match(bare):
            last = index - 1
            while last > 0 and words[last][0] in _SMALL:
                last -= 1
            break
    if last <= 0 or len(words) - last < _FEWEST_WORDS:
        return 0
    cut = start + words[last].start()
    return cut if byline.likeness(text[start:cut].strip(" .,")) >= _LIKELY else 0


def _ends_sentence(word: str) -> bool:
    return word.endswith(".") and len(word.strip(".,")) > _LONGEST_ABBREVIATION


def _is_whole(names: str) -> bool:
    """Whether *names* is a byline and nothing more, long as it may be."""
    return len(names) < _LONGEST_BYLINE and byline.likeness(names.rstrip(".")) > 0


def _before_imprint(text: str) -> int:
    """Return where the imprint begins at the end of an abstract, or 0."""
    offset = max(0, len(text) - _TAIL)
    best, cut = _CERTAIN, 0
    if imprint.likeness(text) >= _CERTAIN and not imprint.has_prose(text):
        return 0
    for match in _SENTENCE.finditer(text, offset):
        score = imprint.likeness(text[match.end() :])
        if score > best:
            best, cut = score, match.end()
    return cut
