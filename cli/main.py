"""`ginja`: the command line."""

import click

from cli.command import HELP_OPTIONS
from cli.tree import EXAMPLES, TreeGroup
from core import environment
from core.version import __version__


@click.group(cls=TreeGroup, examples=EXAMPLES, context_settings=HELP_OPTIONS)
@click.version_option(__version__)
def main() -> None:
    """Ginja decides health-insurance claims, and says which are likely fraud and why.

    Every command takes --json. Exit codes: docs/reference/exit-codes.md. Settings: docs/reference/settings.md.
    """
    environment.prepare()
