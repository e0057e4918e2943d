"""`ginja`: the command line. Each command lives in its own module, imported only when it is called."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from cli.errors import one_line
from core import environment
from core.version import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, one line of help)
    "api": ("cli.api:api", "The claims API."),
    "bench": ("cli.bench:bench", "Measure features and scoring; prints JSON."),
    "challenger": ("cli.challenger:challenger", "A model that scores in shadow, and where it disagrees."),
    "db": ("cli.database:db", "The database: upgrade its schema, load a history."),
    "demo": ("cli.demo:demo", "The whole platform once: simulate, train, serve, decide, break, recover."),
    "drift": ("cli.drift:drift", "Hold each day's claims against the quiet ones before."),
    "evaluate": ("cli.evaluate:evaluate", "Judge a model beside the rule and its rivals."),
    "explain": ("cli.explain:explain", "Why a model finds a claim suspicious, or not."),
    "features": ("cli.features:features", "Apply, build, rebuild, verify features."),
    "gate": ("cli.gate:gate", "Check a data set as training would."),
    "ingest": ("cli.ingest:ingest", "Read claims files into the claims frame."),
    "keys": ("cli.keys:keys", "Make and end API keys."),
    "loop": ("cli.loop:loop", "The week's reviews, what they found, and a simulated year of it."),
    "policy": ("cli.policy:policy", "The policy of edits: try it on the history."),
    "promote": ("cli.model:promote", "Make a candidate the champion, if the gates agree."),
    "retrain": ("cli.loop:retrain", "Export, gate, train, promote: the chain for a schedule."),
    "rollback": ("cli.model:rollback", "Go back to the champion before."),
    "score": ("cli.score:score", "Score a file of claims."),
    "serve": ("cli.serve:serve", "The scorer: score claims over HTTP."),
    "servers": ("cli.servers:servers", "Start, show and stop the embedded servers."),
    "simulate": ("cli.simulate:simulate", "Simulate an insurer."),
    "threshold": ("cli.threshold:threshold", "What a threshold means, and who chose it."),
    "train": ("cli.model:train", "Train, track and register a candidate."),
    "worker": ("cli.worker:worker", "The worker: features, re-scoring, the day's work."),
    "up": ("cli.demo:up", "The platform, left running."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` stays quick.

    Whatever a command raises ends here: bad input as one line and an exit code, a defect as a traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            text = one_line(error)
            if text is None:
                raise
            code: int = getattr(error, "exit_code", 1)
        # Outside of the handler: a chained traceback would live until the interpreter ends, and DuckDB then reports
        # every object in it as leaked, on the terminal.
        click.echo(f"Error: {text}", err=True)
        raise click.exceptions.Exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Ginja takes health-insurance claims, decides them, and says which are likely fraud and why."""
    environment.prepare()
    ctx.with_resource(_settings_of_the_environment())


@contextmanager
def _settings_of_the_environment() -> Iterator[None]:
    """Run a command under the settings its own environment gives, and say which of them is wrong."""
    from pydantic import ValidationError

    from core.settings import Settings, held

    try:
        now = Settings()
    except ValidationError as error:
        wrong = (f"GINJA_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors(include_input=False))
        raise click.UsageError("; ".join(wrong)) from None
    with held(now):
        yield
