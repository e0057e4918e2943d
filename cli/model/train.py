"""`ginja train`, `promote`, `rollback`: a model's life."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipelines.train.dataset import Source
    from pipelines.train.flow import Watcher

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as the last line.")
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
TRIALS = click.option(
    "--trials",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Parameter sets to search among first (Optuna).",
)
CAPACITY = click.option(
    "--reviews-a-week", type=ABOVE_ZERO, help="The investigators' capacity; default: 1 % of the claims."
)
DATASET = click.option("--dataset", help="simulated, provider-fraud, or a folder of `ginja ingest`.")


@contextmanager
def refusals() -> Iterator[None]:
    """What a gate refuses ends in its message and an exit code of its own: 3 a quality gate, 4 a promotion.

    Every other error of the project is `cli.errors`' to print.
    """
    try:
        yield
    except Exception as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        click.echo(refusal[0], err=True)
        raise SystemExit(refusal[1]) from None


def _refusal(error: Exception) -> tuple[str, int] | None:
    """What to say and the exit code; `None`: no gate refused.

    The errors are imported when there is one to name: a rollback should not wait for what it does not do.
    """
    from pipelines.gates.errors import GateFailed
    from pipelines.promote.errors import PromotionError

    if isinstance(error, GateFailed):
        return f"{error}\nNothing was trained; the champion goes on serving.", error.exit_code
    if isinstance(error, PromotionError):
        return str(error), getattr(error, "exit_code", 1)
    return None


@contextmanager
def watching(rounds: int, trials: int) -> Iterator["Watcher"]:
    """Bars on the terminal: the steps, the rounds of a booster, the trials of a search."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipelines.train.flow import Watcher

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        step = bar.add_task("Starting", total=None)
        searched = bar.add_task("Trials", total=trials, visible=False)
        grown = bar.add_task("Rounds", total=rounds, visible=False)

        def on_step(words: str) -> None:
            bar.update(step, description=words)
            bar.update(grown, visible=False)

        def on_round(number: int, loss: float) -> bool:
            bar.update(grown, completed=number + 1, visible=True, description=f"Rounds (log loss {loss:.4f})")
            return False

        def on_trial(number: int, best: float) -> None:
            bar.update(searched, completed=number, visible=True, description=f"Trials (best log loss {best:.4f})")

        yield Watcher(step=on_step, round=on_round, trial=on_trial)


def source_of(dataset: str | None, data: Path | None, mapping: Path | None) -> "Source":
    """The data set that the options name."""
    from core.settings import settings
    from pipelines.train.dataset import SIMULATED, open_file, open_named

    if data is not None:
        if mapping is None or dataset is not None:
            raise click.UsageError(
                "--data FILE wants --mapping MAPPING.yaml and no --dataset; "
                "`ginja ingest csv FILE --suggest` drafts a mapping"
            )
        return open_file(data, mapping, settings().home)
    return open_named(dataset or SIMULATED, settings().home, settings().data_dir)


def _read_and_said(dataset: str | None, data: Path | None, mapping: Path | None) -> "Source":
    """The data set; of a file that was read for it, what became of its rows is said on the error stream."""
    source = source_of(dataset, data, mapping)
    if data is not None:
        about = source.about
        click.echo(
            f"{about['rows']:,} rows → {about['claims']:,} claims, {about['labelled']:,} labelled, {about['fraud']:,} "
            f"fraud; {about['rejected']:,} rows rejected",
            err=True,
        )
        for reason, count in list(about["reasons"].items())[:5]:
            click.echo(f"  {count:>9,}  {reason}", err=True)
        if about["rejected"]:
            click.echo(f"  see {source.home / about['reject_file']}", err=True)
        for note in about["notes"]:
            click.echo(f"note: {note}", err=True)
    return source


@click.command()
@DATASET
@click.option("--data", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A labelled claims file.")
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Of its columns to ours.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Train as if it were that day; default: the last claim."
)
@click.option(
    "--embargo-days", default=45, show_default=True, type=click.IntRange(0), help="Days until most labels are known."
)
@click.option("--test-share", default=0.18, show_default=True, type=SHARE, help="Share of the claims kept to judge by.")
@TRIALS
@click.option("--search-seconds", type=ABOVE_ZERO, help="Longest the search may take.")
@CAPACITY
@click.option("--without", multiple=True, metavar="FEATURE", help="Do without this feature; may be repeated.")
@click.option("--trust", multiple=True, metavar="FEATURE", help="It may rank nearly perfectly alone: no leak.")
@click.option("--seed", default=7, show_default=True, help="The same inputs and seed give the same bytes.")
@JSON
def train(
    dataset: str | None,
    data: Path | None,
    mapping: Path | None,
    as_of: datetime | None,
    embargo_days: int,
    test_share: float,
    trials: int,
    search_seconds: float | None,
    reviews_a_week: float | None,
    without: tuple[str, ...],
    trust: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Train, calibrate, judge, track and register a candidate."""
    from dataclasses import replace

    from core.settings import settings
    from pipelines.train.flow import train_and_register
    from pipelines.train.options import DEFAULT_PARAMS, TrainOptions
    from pipelines.train.split import SplitPolicy

    options = TrainOptions(
        policy=SplitPolicy(embargo_days=embargo_days, test_share=test_share),
        params=replace(DEFAULT_PARAMS, seed=seed),
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        trials=trials,
        search_seconds=search_seconds,
        reviews_a_week=reviews_a_week,
        without=without,
        trusted=trust,
    )
    with refusals():
        with watching(options.params.rounds, trials) as watch:
            watch.step("Reading the claims")
            report = train_and_register(
                settings().home,
                source=_read_and_said(dataset, data, mapping),
                options=options,
                redis_url=registry_redis_url(),
                watch=watch,
            )
        found = report.as_json()
    if as_json:
        from pipelines.evaluate.page import rounded

        click.echo(json.dumps(rounded(found)))
        return
    _show_training(found)


def registry_redis_url() -> str | None:
    """The URL for a features registry that is not there yet: the named server's, or the embedded one's if it runs."""
    from core import valkey
    from core.settings import settings

    if settings().redis_url is not None or valkey.running(settings().home.resolve()) is not None:
        from core.servers import valkey_url

        return valkey_url(settings())
    return None


def _show_training(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Candidate {found['version']}", title_justify="left", show_header=False)
    low, high = found["ap_model_interval"]
    rows = (
        ("Data", f"{found['dataset']}: " + ", ".join(f"{name} {n:,}" for name, n in found["slices"].items())),
        ("Split", found["split"]),
        ("Model", f"{found['trees']} trees over {found['features']} features"),
        ("Base rate", f"{found['base_rate']:.2%}"),
        ("Average precision", f"{found['ap_model']:.3f} ({low:.3f} to {high:.3f})"),
        ("  of the 2× rule", f"{found['ap_rule']:.3f}"),
        ("  of the amount alone", f"{found['ap_amount_only']:.3f}"),
        ("Precision at 1 % of claims", f"{found['precision_at_1_percent']:.1%}"),
        ("Dollars at 1 % of claims", f"{found['dollars_at_1_percent']:.1%}"),
        ("Dollars, same reviews as the rule", f"{found['dollars_times_rule']:.1f} × the rule's"),
        ("Threshold", f"{found['threshold']:.4f}"),
        ("Report", found["report"]),
        ("Took", f"{found['seconds']} s"),
    )
    for name, value in rows:
        table.add_row(name, str(value))
    console = Console()
    console.print(table)
    if found["left_out"]:
        console.print(f"{len(found['left_out'])} features left out:")
        for why in sorted(set(found["left_out"].values())):
            names = [name for name, reason in found["left_out"].items() if reason == why]
            console.print(f"  {why}: {', '.join(names)}", highlight=False)
    console.print(f"Registered in MLflow as version {found['registered']}, alias candidate. Next: ginja promote")


@click.command()
@click.argument("version", required=False)
@click.option("--force", is_flag=True, help="Promote against the gates; wants --by and --reason.")
@click.option("--by", help="Who answers for a forced promotion.")
@click.option("--reason", help="Why it is forced.")
@click.option("--gates", "read_out", is_flag=True, help="Read the gates out and promote nothing.")
@JSON
def promote(
    version: str | None, force: bool, by: str | None, reason: str | None, read_out: bool, as_json: bool
) -> None:
    """Make VERSION (default: the candidate) the champion, if every gate agrees; exits 4 where one refuses."""
    from rich.console import Console

    from core.settings import settings
    from pipelines.promote.flow import promote as run
    from pipelines.promote.gates import GATES
    from pipelines.promote.outcome import Force

    if read_out:
        for gate in GATES:
            click.echo(f"{gate.name}: {gate.words}")
        return
    with refusals():
        forced = Force(by or "", reason or "") if force else None
        with Console(stderr=True).status("Asking the gates") as status:
            outcome = run(settings().home, version, force=forced, step=status.update)
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
        return
    for verdict in outcome.verdicts:
        click.echo(f"{'passed ' if verdict.passed else 'REFUSED'}  {verdict.gate}: {verdict.detail}")
    click.echo(f"champion: {outcome.version} (before: {outcome.previous or 'none'}), {outcome.seconds} s")
    if outcome.alias_problem:
        click.echo(f"MLflow's alias is behind: {outcome.alias_problem}", err=True)


@click.command()
@click.option("--by", help="Who does it; default: the user of this system.")
@click.option("--reason", default="rolled back", show_default=True, help="Why.")
@JSON
def rollback(by: str | None, reason: str, as_json: bool) -> None:
    """Go back to the champion before; twice changes back. Works while MLflow is down."""
    from core.settings import settings
    from pipelines.promote.rollback import rollback as run

    with refusals():
        outcome = run(settings().home, by=by, reason=reason)
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
        return
    click.echo(f"champion: {outcome.version} (before: {outcome.previous}), {outcome.seconds} s")
    if outcome.alias_problem:
        click.echo(f"MLflow's alias is behind: {outcome.alias_problem}", err=True)
