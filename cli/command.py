"""What every command has in common: `--json`, examples, errors in one line, exit codes."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from cli.audited import RECORDED
from cli.errors import Failure, failure_of
from cli.exit_codes import ExitCode, type_of

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class _Program(click.Command):
    """A command that ends with one line on the error stream, or one JSON object where `--json` was given."""

    examples: Sequence[str]

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command; in standalone mode (the default) raise `SystemExit` with one of `ExitCode`."""
        words = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            result = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
        else:
            sys.exit(result if isinstance(result, int) else ExitCode.OK)
        # Outside the handler: a chained traceback would live until the interpreter ends, and DuckDB would report every
        # object in it as leaked, on the terminal.
        report(failure, as_json="--json" in words)
        sys.exit(failure.exit_code)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples at the end of the help page."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write_text(example)
        super().format_epilog(ctx, formatter)


class Command(_Program):
    """A command that does something. It has `--json`, and runs under the settings of its environment.

    What it does is recorded in the audit log where `cli.audited` says so.
    """

    path: str = ""
    """The words that call it, of the table of commands."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples
        self.params.append(
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object; errors as JSON too.")
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the callback; the settings are read only now, so that a wrong argument is refused at once."""
        ctx.with_resource(_settings_of_the_environment())
        recorded = RECORDED.get(self.path)
        if recorded is None:
            return super().invoke(ctx)
        from cli.recording import recording

        with recording(self.path, recorded, ctx.params):
            return super().invoke(ctx)


class ProcessCommand(Command):
    """A command that starts processes or servers of its own: a signal ends those before it ends the command.

    Its callback gets the `StopSignals` with `click.pass_obj`.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the callback; SIGINT, SIGTERM and SIGHUP leave its blocks as an exception does."""
        from core.supervision import StopSignals

        with StopSignals() as signals:
            ctx.obj = signals
            return super().invoke(ctx)


class Group(_Program, click.Group):
    """A command that has subcommands. A subclass says where they come from."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; an unknown one is refused with the nearest name."""
        from difflib import get_close_matches

        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, self.list_commands(ctx), 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Choose from {', '.join(self.list_commands(ctx))}."
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def command(
    name: str | None = None, *, examples: Sequence[str], kind: type[Command] = Command
) -> Callable[[Callable[..., Any]], Command]:
    """Declare a `Command`; the callback takes `as_json` beside its own options, and its docstring is the help."""
    return click.command(name, cls=kind, examples=examples, context_settings=HELP_OPTIONS)


def report(failure: Failure, *, as_json: bool) -> None:
    """Write an error to the error stream: one line, or one JSON object."""
    if as_json:
        error = {"type": type_of(failure.exit_code), "message": failure.message, "exit_code": failure.exit_code}
        click.echo(json.dumps({"error": error}), err=True)
    else:
        click.echo(failure.line, err=True)


@contextmanager
def _settings_of_the_environment() -> Iterator[None]:
    """Run a command under the settings its own environment gives, and say which of them is wrong."""
    from core.settings import held, settings_from_environment

    with held(settings_from_environment()):
        yield
