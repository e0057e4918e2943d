"""Pages of the console as a person sees them: links, forms with what they contain, tables, text.

Read with the standard library: the pages are our own and well-formed, and the parsers that other libraries bring are
installed for the documentation alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, TreeBuilder  # nosec B405: a tree is built, no XML is parsed

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "line", "path", "circle", "polyline"})


class DemoPageError(Exception):
    """A page does not offer what the next step needs, or refused a form; the message says which page and what."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class PageButton:
    """A button that sends a form."""

    label: str
    says: str
    """What it says to who does not see it; empty where that is its label."""
    name: str | None
    value: str
    address: str | None
    """Where it sends the form, where that is not the form's own address."""


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form with what its fields contain when the page is shown."""

    method: str
    address: str
    fields: Mapping[str, str]
    allowed: frozenset[str]
    """Names of all fields, those that are empty or not chosen included."""
    buttons: tuple[PageButton, ...]


class _Reader(HTMLParser):
    """Builds a tree; an element that is not ended where it should be ends with its parent."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.builder = TreeBuilder()
        self.builder.start("page", {})
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)
        else:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while (last := self._open.pop()) != tag:
            self.builder.end(last)
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)

    def tree(self) -> Element:
        while self._open:
            self.builder.end(self._open.pop())
        self.builder.end("page")
        return self.builder.close()


class ConsolePage:
    """One page."""

    def __init__(self, url: str, html: str) -> None:
        self.url = url
        reader = _Reader()
        reader.feed(html)
        reader.close()
        self._root = reader.tree()

    def text(self) -> str:
        """The text of the page's content, blanks joined."""
        main = self._root.find(".//main")
        return _text(self._root if main is None else main)

    def links(self) -> Iterator[tuple[str, str]]:
        """Label and address of each link, in order."""
        for link in self._root.iter("a"):
            if link.get("href"):
                yield _text(link), urljoin(self.url, link.attrib["href"])

    def link(self, label: str) -> str:
        """The address of the first link with a label, or one that begins with it. Raises `DemoPageError`."""
        found = list(self.links())
        for matches in (str.__eq__, str.startswith):
            for shown, address in found:
                if matches(shown, label):
                    return address
        raise DemoPageError(f"{self.url} has no link {label!r}")

    def form(self, button: str = "", **content: str) -> tuple[PageForm, PageButton]:
        """The first form with a button whose label begins with `button` and fields with this content.

        Raises `DemoPageError`.
        """
        for form in self.forms():
            if any(form.fields.get(name, "") != value or name not in form.allowed for name, value in content.items()):
                continue
            for one in form.buttons:
                if one.label.startswith(button) or one.says.startswith(button or one.label):
                    return form, one
        sought = " and ".join([f"a button {button!r}" if button else "any button", *map("=".join, content.items())])
        raise DemoPageError(f"{self.url} has no form with {sought}{self.problem()}")

    def forms(self) -> Iterator[PageForm]:
        """The forms of the page."""
        for form in self._root.iter("form"):
            fields = dict(_fields(form))
            yield PageForm(
                form.get("method", "get"),
                urljoin(self.url, form.get("action") or self.url),
                {name: value for name, value in fields.items() if value is not None},
                frozenset(fields),
                tuple(
                    PageButton(
                        _text(one),
                        one.get("aria-label", ""),
                        one.get("name"),
                        one.get("value", ""),
                        urljoin(self.url, one.attrib["formaction"]) if "formaction" in one.attrib else None,
                    )
                    for one in form.iter("button")
                    if one.get("type", "submit") == "submit" and one.get("tabindex") != "-1"
                ),
            )

    def rows(self) -> list[Mapping[str, str]]:
        """The rows of the page's tables, by the labels of their cells."""
        found: list[Mapping[str, str]] = []
        for row in self._root.iter("tr"):
            cells = {one.attrib["data-label"]: _text(one) for one in row.iter("td") if "data-label" in one.attrib}
            if cells:
                found.append(cells)
        return found

    def facts(self) -> Mapping[str, str]:
        """The lists of terms: the first value of each term."""
        found: dict[str, str] = {}
        for one in self._root.iter("div"):
            term, value = one.find("dt"), one.find("dd")
            if term is not None and value is not None:
                found.setdefault(_text(term), _text(value))
        return found

    def texts(self, tag: str, kind: str | None = None) -> list[str]:
        """The texts of the elements of a tag, in order; `kind`: of those with this class."""
        return [_text(one) for one in self._root.iter(tag) if kind is None or kind in (one.get("class") or "").split()]

    def problem(self) -> str:
        """What the page says about a form that it refused, for the end of a message."""
        alerts = [_text(one) for one in self._root.iter("p") if one.get("role") == "alert"]
        errors = self.texts("p", "field-error") + self.texts("span", "field-error")
        return f": {'; '.join([*alerts, *errors])}" if alerts or errors else ""


def _fields(form: Element) -> Iterator[tuple[str, str | None]]:
    """Names and contents of fields; None: the field is there and sends nothing."""
    for one in form.iter():
        name = one.get("name")
        if not name:
            continue
        if one.tag == "input":
            chosen = one.get("type") not in ("checkbox", "radio") or "checked" in one.attrib
            yield name, one.get("value", "") if chosen else None
        elif one.tag == "textarea":
            yield name, "".join(one.itertext()).removeprefix("\n")
        elif one.tag == "select":
            options = list(one.iter("option"))
            chosen_options = [each for each in options if "selected" in each.attrib] or options[:1]
            yield name, next((each.get("value", _text(each)) for each in chosen_options), None)


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
