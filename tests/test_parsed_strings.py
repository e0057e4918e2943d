"""No room on a claim's way keeps strings of the JSON it parsed (docs/adr/0171)."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "claims", "core", "serving")
PARSES = re.compile(r"^class (\w+)|\b(\w+)\.(?:model_)?validate_json\(", re.MULTILINE)
ADAPTER = re.compile(r"^(\w+)(?:: Final)? = TypeAdapter\(", re.MULTILINE)


def parsers() -> list[tuple[str, str]]:
    """Module and name of everything that parses JSON; `cls` is the class that it stands in.

    An adapter that a function takes as `adapter` may be any of its module.
    """
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            within, source = "", path.read_text()
            for match in PARSES.finditer(source):
                within = match[1] or within
                if match[2] == "adapter":
                    found += [(module, name) for name in ADAPTER.findall(source)]
                elif match[2]:
                    found.append((module, within if match[2] == "cls" else match[2]))
    return found


def test_the_parsers_are_found():
    assert ("claims.score_check", "Score") in parsers()
    assert ("serving.wire", "WireModel") in parsers()
    assert ("serving.model_report", "_DRIFT") in parsers()


@pytest.mark.parametrize(("module", "name"), parsers())
def test_what_parses_json_caches_names_of_fields_only(module, name):
    parser = getattr(import_module(module), name)
    if isinstance(parser, TypeAdapter):
        config = parser._config or getattr(parser._type, "__pydantic_config__", {})
    else:
        assert issubclass(parser, BaseModel)
        config = parser.model_config
    assert config.get("cache_strings") == "keys"
