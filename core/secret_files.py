"""Secrets from files, as Docker and Kubernetes mount them: `GINJA_SCORER_TOKEN_FILE` for `GINJA_SCORER_TOKEN`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from core.errors import SettingsError, UnsafeFileError
from core.private_files import read_private

SUFFIX = "_FILE"


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting holds a secret."""
    return SecretStr in _types(field.annotation)


def secret_variables(settings: type[BaseSettings]) -> dict[str, str]:
    """Setting → the variable that may name a file with its value, of every setting that holds a secret."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        name: f"{prefix}{name.upper()}{SUFFIX}" for name, field in settings.model_fields.items() if is_secret(field)
    }


def _types(annotation: object) -> Iterator[object]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)


class SecretFiles(PydanticBaseSettingsSource):
    """The values of secrets whose variable names a file; an empty variable names none.

    Raises `SettingsError` where a file cannot be read or others can read it, and where the variable of the value itself
    is set too.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """The value of one setting, its name, and that it is not JSON."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, str]:
        """Setting → value."""
        found = {}
        for name, variable in secret_variables(self.settings_cls).items():
            path = os.environ.get(variable)
            if not path:
                continue
            plain = variable.removesuffix(SUFFIX)
            if plain in os.environ:
                raise SettingsError(f"{plain} and {variable} are both set; unset one of them.")
            try:
                found[name] = read_private(Path(path))
            except UnsafeFileError as error:
                raise SettingsError(f"{variable}: {error}.") from None
            except OSError as error:
                raise SettingsError(f"{variable}: {path} cannot be read ({error.strerror}).") from None
        return found
