"""Files below `clients/` that are generated from the description of the API, and what the packages there may use."""

import ast
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.clients import files, write
from cli.clients.described import described_operations
from cli.clients.files import openapi_document
from cli.clients.python_operations import BY_HAND, REPEATABLE

CLIENTS = Path(__file__).parents[2] / "clients"
PACKAGE = CLIENTS / "python" / "src" / "ginja_client"
GENERATED = files()
OPERATIONS = described_operations(openapi_document())
COLLECTION = json.loads((CLIENTS / "postman" / "ginja.postman_collection.json").read_text())


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_file_is_up_to_date(name: str):
    assert (CLIENTS / name).read_text() == GENERATED[name], "run `make clients`"


def test_writing_makes_every_generated_file(tmp_path: Path):
    write(tmp_path)
    assert {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*.*") if one.is_file()} == set(GENERATED)


@pytest.mark.parametrize("name", ["operations", "async_operations"])
def test_every_operation_has_a_method_or_one_by_hand(name: str):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text())
    methods = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    names = {one.name for one in OPERATIONS}
    assert names - methods == set(BY_HAND)
    pages = {one.name.replace("list_", "iter_", 1) for one in OPERATIONS if one.listed is not None}
    assert methods - names == pages | {f"{one.name}_as_task" for one in OPERATIONS if one.task is not None}
    assert names >= REPEATABLE


def test_both_clients_have_the_same_public_methods():
    import ginja_client

    sync, asynchronous = (
        {name for name in dir(one) if not name.startswith("_")}
        for one in (ginja_client.GinjaClient, ginja_client.AsyncGinjaClient)
    )
    assert sync == asynchronous


def test_the_package_uses_only_what_it_declares():
    project = tomllib.loads((CLIENTS / "python" / "pyproject.toml").read_text())["project"]
    declared = {
        one.partition(">")[0] for one in [*project["dependencies"], *project["optional-dependencies"]["signing"]]
    }
    imported = {
        name.partition(".")[0]
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"ginja_client", *declared}
    assert (PACKAGE / "py.typed").exists()


def test_modules_by_hand_have_at_most_400_lines():
    generated = {CLIENTS / name for name in GENERATED}
    assert all(len(one.read_text().splitlines()) <= 400 for one in PACKAGE.rglob("*.py") if one not in generated)


def requests_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for item in items for one in (requests_of(item["item"]) if "item" in item else [item])]


def test_the_collection_has_every_operation_and_its_variables():
    requests = requests_of(COLLECTION["item"])
    assert [one["name"] for one in requests] == [
        one.name for tag in dict.fromkeys(one.tag for one in OPERATIONS) for one in OPERATIONS if one.tag == tag
    ]
    assert COLLECTION["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {one["key"] for one in COLLECTION["variable"]}
    assert {"base_url", "api_key", "claim_id"} <= variables
    used = {part for one in requests for part in one["request"]["url"]["path"] if part.startswith("{{")}
    assert {one.split("}}")[0].strip("{") for one in used} <= variables
