"""Sparse responses: `fields` of a query names what a response has, by an allow-list from the response's model.

One mechanism for every route: a `SparseFields` per model is parameter, check and choice. Of a list, the names are those
of its items; what is beside the items, such as `next_cursor`, stays. A name of a nested object or list is a path with
dots; the name of the object stands for all of it.

Where the response is to be written for an older version, whose names may be others, the route gives the whole of it and
the choice is made afterwards (`LaterChoice`): a change of a version (`api/versions.py`) reads whole documents only.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import UnionType
from typing import Final, TypeAlias, Union, get_args, get_origin

from fastapi import Query
from fastapi.params import Query as QueryParameter
from pydantic import AfterValidator, BaseModel, JsonValue

from api.errors import Invalid
from api.identity import Caller

MAX_FIELDS_TEXT: Final = 1_000
"""Most characters of `fields`."""
_MAX_SHOWN: Final = 64
_ALL: Final = "__all__"
"""How pydantic names every item of a list."""

Tree: TypeAlias = dict[str, "Tree"]
"""Fields by name; empty: the field has none of its own, or all of them are meant."""
Inclusion: TypeAlias = dict[str, "bool | Inclusion"]
"""What a model writes, as pydantic's `include`."""


class LaterChoice:
    """The fields that a request chose, for the response in the form of its version."""

    def __init__(self) -> None:
        self._tree: Tree | None = None
        self._listed: str | None = None

    @staticmethod
    def check(text: str) -> None:
        """Raise `ValueError` where a text names nothing. Which names an older version has is not known here."""
        if not all(part for path in text.split(",") for part in path.split(".")):
            raise ValueError("must name fields of the response, separated by commas")

    def take(self, text: str, listed: str | None) -> None:
        """Keep what was chosen; `listed` is the field that has the items of a list, where the response is one."""
        self._tree, self._listed = nested(text.split(",")), listed

    def of(self, document: JsonValue) -> JsonValue:
        """What was chosen of a whole response; a name that it does not have is not in it."""
        if self._tree is None or not isinstance(document, dict):
            return document
        if self._listed is None:
            return _part(document, self._tree)
        return {name: _part(one, self._tree) if name == self._listed else one for name, one in document.items()}


_LATER: ContextVar[LaterChoice | None] = ContextVar("later_choice", default=None)


@contextmanager
def choosing_later() -> Iterator[LaterChoice]:
    """Routes that are called in the block give whole responses; what their requests chose is in the `LaterChoice`."""
    later = LaterChoice()
    token = _LATER.set(later)
    try:
        yield later
    finally:
        _LATER.reset(token)


class SparseFields:
    """The fields of a model's responses that a query may choose from."""

    def __init__(
        self, model: type[BaseModel], listed: str | None = None, *, of_scores: frozenset[str] = frozenset()
    ) -> None:
        """`listed` is the field of `model` that has the items of a list, where the response is one.

        `of_scores` are the names, with dots where they are nested, of what only callers that see scores are shown.
        """
        item = model if listed is None else _models(model.model_fields[listed].annotation)[0]
        self._model, self._item, self._listed = model, item, listed
        self._of_scores = of_scores
        self.names = tuple(item.model_fields)

    @property
    def query(self) -> QueryParameter:
        """The query parameter, with the names that may be chosen."""
        parameter: QueryParameter = Query(
            max_length=MAX_FIELDS_TEXT,
            description="Only these fields, separated by commas; of a nested object or list with a dot. Others are "
            "missing from the response, those that its schema requires too. The `ETag` is that of this choice; "
            f"`If-Match` takes the one of the whole. One of: {', '.join(self.names)}.",
            examples=[",".join(self.names[:2])],
        )
        return parameter

    @property
    def check(self) -> AfterValidator:
        """Refuses a text with a name that the model does not have, naming those that it has."""
        return AfterValidator(self._checked)

    def chosen_by(self, caller: Caller, text: str | None) -> Inclusion | None:
        """As `chosen`; raises `Invalid` where the text names what only callers that see scores are shown.

        An empty field would be no less empty, but it would look like an answer.
        """
        if text is not None and not caller.sees_scores:
            for path in text.split(","):
                if not self._of_scores.isdisjoint(_parents(path)):
                    allowed = ", ".join(name for name in self.names if name not in self._of_scores)
                    raise Invalid.field("fields", f"must name fields that a key without scores:read sees: {allowed}")
        return self.chosen(text)

    def chosen(self, text: str | None) -> Inclusion | None:
        """What the model writes for a checked text; `None`: everything."""
        if text is None:
            return None
        later = _LATER.get()
        if later is not None:
            later.take(text, self._listed)
            return None
        included = _inclusion(self._item, self._tree(text))
        if self._listed is None:
            return included
        others: Inclusion = {name: True for name in self._model.model_fields if name != self._listed}
        return {**others, self._listed: {_ALL: included}}

    def _checked(self, text: str) -> str:
        later = _LATER.get()
        if later is None:
            self._tree(text)
        else:
            later.check(text)
        return text

    def _tree(self, text: str) -> Tree:
        """The named fields; raises `ValueError` at one that there is not."""
        paths = text.split(",")
        for path in paths:
            for name in _parents(path):
                _require(self._item, path, name)
        return nested(paths)


def nested(paths: Sequence[str]) -> Tree:
    """Names with dots as a tree; the name of an object stands for all of it."""
    tree: Tree = {}
    whole = set(paths)
    for path in paths:
        if whole.isdisjoint(list(_parents(path))[:-1]):
            at = tree
            for part in path.split("."):
                at = at.setdefault(part, {})
    return tree


def _part(value: JsonValue, tree: Tree) -> JsonValue:
    """The fields of a tree, of an object or of each object of a list; an empty tree means all."""
    if isinstance(value, list):
        return [_part(one, tree) for one in value]
    if isinstance(value, dict) and tree:
        return {name: _part(one, tree[name]) for name, one in value.items() if name in tree}
    return value


def _parents(path: str) -> Iterator[str]:
    """Each beginning of a path, up to itself."""
    parts = path.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def _require(model: type[BaseModel], path: str, beginning: str) -> None:
    """Raise `ValueError` where the last part of `beginning` is no field of the objects that the parts before name."""
    *above, last = beginning.split(".")
    of: tuple[type[BaseModel], ...] = (model,)
    for part in above:
        of = tuple(inner for one in of for inner in _models_of(one, part))
    allowed = tuple(dict.fromkeys(name for one in of for name in one.model_fields))
    if last in allowed:
        return
    shown = "".join(character if character.isprintable() else "?" for character in path[:_MAX_SHOWN])
    where = f"{'.'.join(above)[:_MAX_SHOWN]} has " if above else ""
    known = ", ".join(allowed) or "no fields that can be chosen"
    raise ValueError(f"must name fields of the response, separated by commas; not {shown!r}: {where}{known}")


def _models_of(model: type[BaseModel], name: str) -> tuple[type[BaseModel], ...]:
    field = model.model_fields.get(name)
    return () if field is None else _models(field.annotation)


def _models(annotation: object) -> tuple[type[BaseModel], ...]:
    """The models that an annotation names, in a list or beside null too; none below a free mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if get_origin(annotation) in (list, tuple, Union, UnionType):
        return tuple(model for one in get_args(annotation) for model in _models(one))
    return ()


def _inclusion(model: type[BaseModel], tree: Mapping[str, Tree]) -> Inclusion:
    """A tree of fields as pydantic reads it: items of lists are marked."""
    included: Inclusion = {}
    for name, below in tree.items():
        inner = _models_of(model, name)
        if not below:
            included[name] = True
            continue
        nested: Inclusion = {}
        for one in inner:
            nested |= _inclusion(one, {key: value for key, value in below.items() if key in one.model_fields})
        included[name] = {_ALL: nested} if _is_list(model.model_fields[name].annotation) else nested
    return included


def _is_list(annotation: object) -> bool:
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return any(get_origin(one) in (list, tuple) for one in choices)
