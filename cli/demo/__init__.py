"""`ginja demo` and `ginja up`: the whole platform on one machine."""

import click


@click.command()
@click.option("--claims", default=100_000, show_default=True, help="Claims of the simulated history.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object on the last line.")
def demo(claims: int, as_json: bool) -> None:
    """The whole platform once: simulate, train, serve, decide, break, recover. Leaves nothing running."""
    import json

    from cli.demo.progress import Story, console
    from cli.demo.tour import tour
    from core.logging import configure_logging
    from core.processes import ended_by_signals
    from core.settings import settings

    configure_logging("ERROR")
    with ended_by_signals():
        figures = tour(settings(), Story(console()), claims=claims)
    if as_json:
        click.echo(json.dumps(figures))


@click.command()
@click.option("--claims", default=100_000, show_default=True, help="Claims of the history, where none is there yet.")
def up(claims: int) -> None:
    """The platform, left running until Ctrl-C. What is there already, data and champion, is kept."""
    from cli.demo.progress import Story, console
    from cli.demo.stay import stay_up
    from core.logging import configure_logging
    from core.processes import ended_by_signals
    from core.settings import settings

    configure_logging("ERROR")
    with ended_by_signals():
        stay_up(settings(), Story(console()), claims=claims)
