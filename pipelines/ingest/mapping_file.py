"""Read a mapping file: YAML of bounded size, validated, with errors that name the place."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from pipelines.ingest.errors import MappingError
from pipelines.ingest.mapping import Mapping

MAX_MAPPING_BYTES = 262_144
MAX_SCALAR = 1_000
MAX_DEPTH = 16


class _BoundedLoader(yaml.SafeLoader):
    """YAML whose reading is bounded by its size: without aliases, very long scalars or deep nesting.

    Aliases expand without bound, and the scanner looks at every open bracket for each token.
    """

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:
        if self.flow_level >= MAX_DEPTH:
            raise yaml.YAMLError(f"nested more than {MAX_DEPTH} levels deep; a mapping has at most three levels")
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed; write the value out")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise yaml.YAMLError(f"a value has more than {MAX_SCALAR} characters")
        return super().compose_node(parent, index)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises `MappingError` naming the place that is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MAPPING_BYTES + 1)
    except OSError as error:
        raise MappingError(f"cannot read the mapping {path}: {error.strerror}") from error
    if len(raw) > MAX_MAPPING_BYTES:
        raise MappingError(f"{path} exceeds {MAX_MAPPING_BYTES:,} bytes; see docs/reference/mapping.md")
    try:
        parsed = yaml.load(raw.decode("utf-8-sig"), Loader=_BoundedLoader)  # noqa: S506  # nosec B506
    except RecursionError:
        raise MappingError(f"{path} is nested too deeply; a mapping has at most three levels") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # what looks like a date or a number but is invalid, such as 2024-13-45
        raise MappingError(f"{path} has a value that is not valid YAML ({error}); put it in quotes") from error
    if not isinstance(parsed, dict):
        raise MappingError(f"{path} must hold a mapping with 'name' and 'columns'; see docs/reference/mapping.md")
    try:
        return Mapping.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
        raise MappingError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error
