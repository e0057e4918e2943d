"""The reference pages that are generated from code: `make reference` writes them to `docs/reference/`."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from api.problem_page import problem_entries
from claims.adjudication import CONTRACT_DENIALS
from cli.command import Command, Group
from cli.exit_codes import MEANINGS
from cli.main import main
from cli.tree import COMMANDS, SECTIONS
from core.settings import OTHER_VARIABLES, Settings, variable

_GENERATED = "Generated from the code by `make reference`; do not edit.\n"
_ABOUT_COMMANDS = """\
Every command has `--help` and `--json`. With `--json` the result is one JSON object on standard output, and an error is
one JSON object on the error stream: `{"error": {"type", "message", "exit_code"}}`. Progress goes to the error stream.
See [exit codes](exit-codes.md) and [settings](settings.md).
"""
_ABOUT_DENIALS = """\
These findings, and no others, reject a claim or reduce its payment without a person. None needs an opinion about the
service: they follow from cover, contract, benefit and the claims before. Everything else that is found, by an edit, the
2× rule or a model, sends the claim to review at most; a denial or reduction then has a named reviewer
([ADR 0217](../adr/0217-only-the-contract-denies-without-a-person.md)). `CARC` is the claim adjustment reason code with
the same meaning.
"""
_ABOUT_PROBLEMS = """\
Every error of the [claims API](claims-api.md#errors) is a problem (RFC 9457). Its `type` is `/docs/problems#` and the
name of a section below; the API serves the same descriptions there. Types are stable, titles and details may change.
"""
_ABOUT_SETTINGS = """\
Settings are environment variables. A command refuses a variable that begins with `GINJA_` and is not listed here, and
names the nearest one.
"""


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    return {
        "cli.md": cli_page(),
        "contract-denials.md": contract_denials_page(),
        "exit-codes.md": exit_codes_page(),
        "problems.md": problems_page(),
        "settings.md": settings_page(),
    }


def cli_page() -> str:
    """The page of all commands."""
    lines = [
        "# Command line\n",
        _GENERATED,
        _ABOUT_COMMANDS,
    ]
    context = click.Context(main)
    for heading, names in SECTIONS.items():
        lines.append(f"## {heading}\n")
        for name in names:
            command = main.get_command(context, name)
            assert command is not None
            lines += _described(f"ginja {name}", command)
    lines += ["## Other spellings\n", "| also callable as | command |", "|---|---|"]
    lines += [f"| `ginja {spelling}` | `ginja {entry.path}` |" for entry in COMMANDS for spelling in entry.spellings]
    return "\n".join(lines) + "\n"


def contract_denials_page() -> str:
    """The page of findings that reject or reduce a claim without a person."""
    lines = [
        "# Contract denials\n",
        _GENERATED,
        _ABOUT_DENIALS,
        "| finding | outcome | meaning | CARC |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{one.code}` | `{one.outcome.value}` | {one.meaning} | {one.carc} |" for one in CONTRACT_DENIALS.values()
    ]
    return "\n".join(lines) + "\n"


def exit_codes_page() -> str:
    """The page of exit codes."""
    lines = [
        "# Exit codes\n",
        _GENERATED,
        "`type` is the `error.type` of an error in JSON (`--json`).\n",
        "| exit code | type | meaning |",
        "|---|---|---|",
    ]
    lines += [f"| {int(code)} | `{code.type}` | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(lines) + "\n"


def problems_page() -> str:
    """The page of the problems of the claims API."""
    lines = ["# Problems of the claims API\n", _GENERATED, _ABOUT_PROBLEMS]
    for one in problem_entries():
        retry = "" if one.retry_after is None else f" Retry after {one.retry_after} s or more."
        lines.append(f"## {one.kind}\n\nStatus {one.status}. {one.title}. {one.meaning}{retry}\n")
        lines.append(f"> {one.example}\n")
    return "\n".join(lines).rstrip() + "\n"


def settings_page() -> str:
    """The page of settings."""
    lines = [
        "# Settings\n",
        _GENERATED,
        _ABOUT_SETTINGS,
        "| variable | type | default | meaning |",
        "|---|---|---|---|",
    ]
    schema = Settings.model_json_schema()["properties"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        lines.append(f"| `{variable(name)}` | {_kind(schema[name], name)} | {default} | {field.description} |")
    lines += [
        "\n## Variables that are not settings\n",
        "| variable | meaning |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in OTHER_VARIABLES.items()),
    ]
    return "\n".join(lines) + "\n"


def _kind(schema: dict[str, Any], name: str) -> str:
    """The type of a setting in words, by its JSON schema, with its limits."""
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = {"password": "URL" if name.endswith("_url") else "secret", "path": "path"}.get(
        schema.get("format", ""), schema["type"]
    )
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    if low is None:
        return str(words)
    sign = ">" if "exclusiveMinimum" in schema else "≥"
    return f"{words}, {low} to {schema['maximum']}" if "maximum" in schema else f"{words} {sign} {low}"


def _described(path: str, command: click.Command) -> Iterator[str]:
    """The lines of a command, and of those below it."""
    yield f"### {path}\n"
    yield _unwrapped(command.help or "") + "\n"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _described(f"{path} {name}", below)
        return
    context = click.Context(command, info_name=path)
    yield f"```text\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```\n"
    yield "| option | meaning |"
    yield "|---|---|"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield "| `" + record[0].replace("|", "\\|") + "` | " + record[1].replace("|", "\\|") + " |"
    yield ""
    if isinstance(command, Command | Group):
        yield "Examples:\n\n```text\n" + "\n".join(command.examples) + "\n```\n"


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "docs" / "reference")
