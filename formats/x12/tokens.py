"""X12 text as segments. The delimiters are those that each ISA segment declares; no regular expression is used.

The text is read as Latin-1, one character for each byte, so that no byte can make a file unreadable: what has to be
ASCII is checked where it is used. The work is linear in the size of the text, however it is divided into chunks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

MAX_SEGMENT: Final = 16_384
"""Longest segment, in characters: without a limit a text without terminators would be one segment."""
_ISA_ELEMENTS: Final = 16
_ISA_MAX: Final = 256
"""An ISA segment has 106 characters where its elements are padded; elements of other lengths are tolerated."""
_BETWEEN: Final = "\r\n\t \x1a"
"""Line ends and indentation between segments, and the end-of-file mark of old systems."""
_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"


class InvalidX12(ValueError):
    """A text that is not X12: it does not begin with a readable ISA segment. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that separate elements, components and repetitions, and end a segment."""

    element: str = "*"
    component: str = ":"
    segment: str = "~"
    repetition: str | None = "^"
    """`None` in interchanges of versions before 5010 (ISA12)."""

    @property
    def problem(self) -> str | None:
        """Why these cannot be delimiters; `None` if they can."""
        declared = [self.element, self.component, self.segment]
        if self.repetition is not None:
            declared.append(self.repetition)
        if len(set(declared)) != len(declared):
            return "the ISA segment declares the same character for two delimiters"
        if any(one.isalnum() or one == " " for one in declared):
            return "the ISA segment declares a letter, a digit or a blank as a delimiter"
        return None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name, its elements, and its number in the file, from 1."""

    name: str
    elements: tuple[str, ...]
    number: int
    delimiters: Delimiters
    complete: bool = True
    """False: the text ended before the segment's terminator."""
    ends: int = 0
    """Offset in the file of what follows it, in bytes."""

    def element(self, number: int) -> str:
        """Element `number`, from 1 as the guides count; empty if it was not sent."""
        return self.elements[number - 1] if number <= len(self.elements) else ""

    def components(self, number: int) -> tuple[str, ...]:
        """The components of element `number`."""
        return tuple(self.element(number).split(self.delimiters.component))

    def component(self, number: int, component: int) -> str:
        """One component, both from 1; empty if it was not sent."""
        found = self.components(number)
        return found[component - 1] if component <= len(found) else ""


def read_segments(
    chunks: Iterable[bytes], *, offset: int = 0, number: int = 0, delimiters: Delimiters | None = None
) -> Iterator[Segment]:
    """The segments of a text, in order. The last one is not `complete` where the text ends within it, or where no
    terminator follows within `MAX_SEGMENT` characters; nothing is read after such a segment.

    The text may be the rest of a file: from `offset` on, after `number` segments, within an interchange with
    `delimiters` or, without them, between two. Raises `InvalidX12` where the text, or what follows the end of an
    interchange, does not begin with an ISA segment.
    """
    text = _Text(chunks, offset)
    if not offset:
        text.skip(_BYTE_ORDER_MARK)
    while text.skip_between():
        number += 1
        if delimiters is None:
            delimiters = _declared(text.ahead(_ISA_MAX))
        raw, complete = text.until(delimiters.segment)
        name, *elements = raw.split(delimiters.element)
        yield Segment(name, tuple(elements), number, delimiters, complete, text.offset)
        if not complete:
            return
        if name == "IEA":
            delimiters = None


def _declared(start: str) -> Delimiters:
    """The delimiters that an ISA segment declares by its positions."""
    if not start.startswith("ISA") or len(start) < 4:
        raise InvalidX12("the text does not begin with an ISA segment")
    element = start[3]
    at = 3
    for _ in range(_ISA_ELEMENTS - 1):
        at = start.find(element, at + 1)
        if at < 0:
            raise InvalidX12("the ISA segment does not have 16 elements")
    if len(start) < at + 3:
        raise InvalidX12("the text ends within its ISA segment")
    elements = start[4 : at + 1].split(element)
    separator, version = elements[10], elements[11]
    repetition = separator if version >= "00501" and len(separator) == 1 else None
    delimiters = Delimiters(element, start[at + 1], start[at + 2], repetition)
    if (problem := delimiters.problem) is not None:
        raise InvalidX12(problem)
    return delimiters


class _Text:
    """What is left of the text, read from its chunks as it is needed."""

    def __init__(self, chunks: Iterable[bytes], offset: int) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._at = 0
        self._before = offset

    @property
    def offset(self) -> int:
        """Of what was not consumed, in the file."""
        return self._before + self._at

    def skip_between(self) -> bool:
        """Skip what may stand between segments; says whether anything follows."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BETWEEN:
                self._at += 1
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def skip(self, prefix: str) -> None:
        """Skip `prefix` if the text begins with it."""
        if self.ahead(len(prefix)) == prefix:
            self._at += len(prefix)

    def ahead(self, length: int) -> str:
        """The next characters, at most `length`, without consuming them."""
        while len(self._text) - self._at < length and self._more():
            pass
        return self._text[self._at : self._at + length]

    def until(self, terminator: str) -> tuple[str, bool]:
        """The text up to a terminator, which is consumed, and whether there was one."""
        searched = self._at
        while (end := self._text.find(terminator, searched)) < 0:
            searched = len(self._text)
            if searched - self._at > MAX_SEGMENT:
                break
            shift = self._at
            if not self._more():
                break
            searched -= shift - self._at
        if end < 0 or end - self._at > MAX_SEGMENT:
            rest = self._text[self._at : self._at + MAX_SEGMENT]
            return rest, False
        raw = self._text[self._at : end]
        self._at = end + 1
        return raw, True

    def _more(self) -> bool:
        """Append the next chunk; drops what was consumed."""
        for chunk in self._chunks:
            if chunk:
                self._before += self._at
                self._text = self._text[self._at :] + chunk.decode("latin-1")
                self._at = 0
                return True
        return False
