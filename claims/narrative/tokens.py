"""Tokens of a sentence. Whatever is no token is an error, so that no part of a sentence goes unread."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum, auto
from typing import Final

from claims.narrative.lexicon import LONGEST_PHRASE, NUMBER_WORDS, PHRASES, WORDS, Concept

MAX_CHARACTERS: Final = 600
_MONTH_NAMES: Final = """january february march april may june july august september october november december"""
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES.split(), start=1)}
_MONTH: Final = "|".join(_MONTHS)
_END: Final = r"(?![\w%]|[.,]\d|-\w)"
_CITATION: Final = re.compile(r"\[([A-Za-z0-9][A-Za-z0-9_.:-]{0,119})\]", re.ASCII)
_QUOTED: Final = re.compile(r'"([^"\[\]]{1,300})"', re.ASCII)
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _END, re.ASCII)
_DAY_FIRST: Final = re.compile(rf"(\d{{1,2}}) ({_MONTH}) (\d{{4}})" + _END, re.ASCII | re.IGNORECASE)
_MONTH_FIRST: Final = re.compile(rf"({_MONTH}) (\d{{1,2}}), (\d{{4}})" + _END, re.ASCII | re.IGNORECASE)
_WHOLE: Final = r"\d{1,3}(?:,\d{3})+|\d+"
_SHARE: Final = re.compile(rf"((?:{_WHOLE})(?:\.\d)?) ?(?:%|percent\b|per cent\b)(?!\w)", re.ASCII)
_MONEY: Final = re.compile(rf"\$?((?:{_WHOLE})\.\d{{2}})" + _END, re.ASCII)
_TENTHS: Final = re.compile(rf"((?:{_WHOLE})\.\d)" + _END, re.ASCII)
_NUMBER: Final = re.compile(rf"({_WHOLE})" + _END, re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z]+)*('s|s'(?!\w))?", re.ASCII)
_LITERAL_END: Final = re.compile(r"(?![\w-]|\.\w)")
_IDENTIFIER: Final = re.compile(r"(?=[\w-]*[\d_])[A-Za-z][\w-]*[A-Za-z0-9]", re.ASCII)


class TokenKind(StrEnum):
    """What a token is."""

    PHRASE = auto()
    """A word or phrase of the lexicon."""
    NUMBER = auto()
    DECIMAL = auto()
    """A number with one decimal place."""
    MONEY = auto()
    """A number with two decimal places."""
    SHARE = auto()
    DATE = auto()
    LITERAL = auto()
    """A text or id of a cited fact, exactly as the fact has it."""
    CITATION = auto()
    COLON = auto()


class NarrativeTokenError(ValueError):
    """A part of a sentence is neither a value nor a word of the lexicon; the message shows it."""


@dataclass(frozen=True, slots=True)
class NarrativeToken:
    """One token."""

    kind: TokenKind
    text: str
    """Lower case for phrases."""
    value: Decimal | date | None = None
    """Number, cents, percent or date."""
    possessive: bool = False
    quoted: bool = False

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """What the phrase stands for."""
        return WORDS.get(self.text, ()) if self.kind is TokenKind.PHRASE else ()

    @property
    def is_value(self) -> bool:
        """Whether it states a number or date."""
        return self.value is not None


def _number(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))


def _date(year: str, month: int, day: str, text: str) -> date:
    try:
        return date(int(year), month, int(day))
    except ValueError:
        raise NarrativeTokenError(f"{text!r} is not a date") from None


class _Reader:
    def __init__(self, text: str, literals: Collection[str]) -> None:
        self.text = text
        self.at = 0
        self._literals = sorted(literals, key=len, reverse=True)

    def next(self) -> NarrativeToken:
        return self._literal() or self._citation() or self._value() or self._phrase() or self._punctuation()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _literal(self) -> NarrativeToken | None:
        quoted = self._take(_QUOTED) if self.text[self.at] == '"' else None
        if quoted is not None:
            if quoted[1] not in self._literals:
                raise NarrativeTokenError(f"{quoted[1]!r} is not the text of a cited fact")
            return NarrativeToken(TokenKind.LITERAL, quoted[1], quoted=True)
        for literal in self._literals:
            end = self.at + len(literal)
            same = self.text.startswith(literal, self.at) or (
                # The name of a pattern may begin a sentence or stand inside one.
                " " in literal and self.text[self.at : end].casefold() == literal.casefold()
            )
            if same and literal.casefold() not in PHRASES and _LITERAL_END.match(self.text, end):
                self.at = end
                return NarrativeToken(TokenKind.LITERAL, literal)
        return None

    def _citation(self) -> NarrativeToken | None:
        found = self._take(_CITATION)
        return None if found is None else NarrativeToken(TokenKind.CITATION, found[1])

    def _value(self) -> NarrativeToken | None:
        if found := self._take(_ISO_DATE):
            return NarrativeToken(TokenKind.DATE, found[0], _date(found[1], int(found[2]), found[3], found[0]))
        if found := self._take(_DAY_FIRST):
            return NarrativeToken(
                TokenKind.DATE, found[0], _date(found[3], _MONTHS[found[2].lower()], found[1], found[0])
            )
        if found := self._take(_MONTH_FIRST):
            return NarrativeToken(
                TokenKind.DATE, found[0], _date(found[3], _MONTHS[found[1].lower()], found[2], found[0])
            )
        if found := self._take(_SHARE):
            return NarrativeToken(TokenKind.SHARE, found[0], _number(found[1]))
        if found := self._take(_MONEY):
            return NarrativeToken(TokenKind.MONEY, found[0], _number(found[1]) * 100)
        if found := self._take(_TENTHS):
            return NarrativeToken(TokenKind.DECIMAL, found[0], _number(found[1]))
        if found := self._take(_NUMBER):
            return NarrativeToken(TokenKind.NUMBER, found[0], _number(found[1]))
        return None

    def _phrase(self) -> NarrativeToken | None:
        first = _WORD.match(self.text, self.at)
        if first is None:
            return None
        ends = list[tuple[int, bool]]()
        words = list[str]()
        found: re.Match[str] | None = first
        while found is not None and len(words) < LONGEST_PHRASE:
            suffix = found[1] or ""
            words.append(found[0].lower()[: len(found[0]) - len(suffix)] + ("s" if suffix == "s'" else ""))
            ends.append((found.end(), bool(suffix)))
            if suffix or self.text[found.end() : found.end() + 1] != " ":
                break
            found = _WORD.match(self.text, found.end() + 1)
        for count in range(len(words), 0, -1):
            phrase = " ".join(words[:count])
            if phrase in PHRASES:
                self.at, possessive = ends[count - 1]
                return NarrativeToken(TokenKind.PHRASE, phrase, possessive=possessive)
        if words[0] in NUMBER_WORDS and not ends[0][1]:
            self.at = ends[0][0]
            return NarrativeToken(TokenKind.NUMBER, words[0], Decimal(NUMBER_WORDS[words[0]]))
        if identifier := _IDENTIFIER.match(self.text, self.at):
            raise NarrativeTokenError(f"{identifier[0]!r} is not an id of a cited fact")
        raise NarrativeTokenError(f"{first[0]!r} is not a word that a narrative may use")

    def _punctuation(self) -> NarrativeToken:
        mark = self.text[self.at]
        self.at += 1
        if mark in ",;":
            return NarrativeToken(TokenKind.PHRASE, mark)
        if mark == ":":
            return NarrativeToken(TokenKind.COLON, mark)
        raise NarrativeTokenError(f"{mark!r} is not allowed in a narrative")


def read_tokens(sentence: str, literals: Collection[str]) -> list[NarrativeToken]:
    """The tokens of a sentence without its full stop.

    Args:
        sentence: One sentence.
        literals: Texts and ids of the facts that it cites.

    Raises:
        NarrativeTokenError: A part is no token.
    """
    if len(sentence) > MAX_CHARACTERS:
        raise NarrativeTokenError(f"a sentence has at most {MAX_CHARACTERS} characters")
    text = sentence.replace("\u2019", "'").replace("\u00a0", " ").replace("\u202f", " ").strip()
    text = re.sub(r"[ \t\n]+", " ", text.removesuffix(".").rstrip())
    reader, found = _Reader(text, literals), list[NarrativeToken]()
    while reader.at < len(text):
        if text[reader.at] == " ":
            reader.at += 1
        else:
            found.append(reader.next())
    return found


def cited_ids(sentence: str) -> list[str]:
    """The ids in square brackets, in order."""
    return _CITATION.findall(sentence)
