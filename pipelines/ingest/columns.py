"""Parts of a mapping that name columns of the file: their names and texts, and the columns used as features."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from claims.attributes import Attribute, AttributeType


class Strict(BaseModel):
    """A part of a mapping; a key that it does not have is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _text(value: object) -> object:
    # YAML reads 1, 1.0, yes and 2024-06-30 as numbers, booleans and dates; in the file they are text.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return str(value)
    return str(value) if isinstance(value, int | float) else value


def _column(value: object) -> object:
    # As the header is read: spaces around a name, and how many lie within, do not count.
    return " ".join(value.split()) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Column = Annotated[str, BeforeValidator(_column)]


class AttributeColumn(Attribute):
    """A column of the file that is used as a feature: the declaration of its attribute, and how it is read."""

    column: Column | tuple[Column, ...] | None = None
    """Their column, or several of which the first with a value counts; none where `field` names a claim field."""
    true: tuple[Text, ...] = Field(("1", "1.0", "y", "yes", "t", "true"), alias="yes")
    """Texts that mean true, case-insensitive."""
    false: tuple[Text, ...] = Field(("0", "0.0", "n", "no", "f", "false"), alias="no")
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""

    @model_validator(mode="before")
    @classmethod
    def _with_text_keys(cls, value: object) -> object:
        # YAML reads the keys yes and no as booleans.
        keys = {True: "yes", False: "no"}
        return {keys.get(key, key): entry for key, entry in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sensible(self) -> "AttributeColumn":
        if self.window is not None:
            raise ValueError("the values of a window are declared under windows")
        if (self.column is None) == (self.field is None):
            raise ValueError("state either column (of the file) or field (a claim field that is mapped under columns)")
        if self.field is not None and self.type is not AttributeType.CATEGORY:
            raise ValueError("a claim field is read as a category: type: category")
        if self.unit and self.type is not AttributeType.NUMBER:
            raise ValueError("only a number has a unit")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        return self

    @property
    def attribute(self) -> Attribute:
        """The declaration without how the column is read."""
        return Attribute.model_validate({name: getattr(self, name) for name in Attribute.model_fields})
