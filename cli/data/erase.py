"""`ginja data erase-member` and `reapply-erasures`: who a member is, out of the database for good."""

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, INPUT_FILE, reason_option
from cli.output import print_json

if TYPE_CHECKING:
    from api.database import Database
    from api.identity import Caller
    from api.registry import Erasure

_AGAIN = "erased again after a restore"


def _caller(by: str | None) -> "Caller":
    from api.identity import Caller

    return Caller("command line", "operator", None, by or getpass.getuser())


@command(examples=['ginja data erase-member M123 --reason "request of 2026-11-20" --by ann'])
@click.argument("member_id", metavar="MEMBER")
@reason_option(text="Why the data are erased; no personal data.", required=True)
@BY
def erase_member(member_id: str, reason: str, by: str | None, as_json: bool) -> None:
    """Erase name, birth date and sex of MEMBER, in its present and every earlier state, and destroy its key.

    Its claims and decisions stay as they are, and models learn from them no more. Who erased it and why is in the audit
    log. A member under a legal hold is not erased. The erasure is added to `erasures.ndjson` of the home.
    """
    from api.archives import archives_of_member
    from api.errors import Invalid, NotFound
    from api.registry import erase_member as erase
    from core.erasures import ErasedMember, add_erasure
    from core.settings import settings

    url = existing_database_url()
    keys = field_keys()
    try:
        done = with_database(lambda database: erase(database, keys, _caller(by), member_id, reason, settings().zone))
    except NotFound as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors)) from None
    add_erasure(settings().home.resolve(), ErasedMember(done.member_id, done.erased_at))
    archived = archives_of_member(url, member_id)
    if as_json:
        print_json({**asdict(done), "archives": archived})
        return
    click.echo(
        f"{member_id} is erased{'' if done.key_destroyed else ', as before'}. Earlier states: {done.states}; stored "
        f"replies: {done.replies}."
    )
    if archived:
        click.echo(
            f"{sum(archived.values()):,} claims of it are in archives ({', '.join(archived)}): what is encrypted there "
            "cannot be read any more; ids, age, sex and region stay, as in the database (docs/operate/archives.md)."
        )
    click.echo("Delete it from files that you load. After a restore, run `ginja data reapply-erasures`.")


@command(examples=["ginja data reapply-erasures", "ginja data reapply-erasures --from erasures.ndjson --json"])
@click.option("--from", "file", type=INPUT_FILE, help="List of erasures; default: `erasures.ndjson` of the home.")
@BY
def reapply_erasures(file: Path | None, by: str | None, as_json: bool) -> int:
    """Erase every member of the list of erasures that the database still knows: after a backup was restored.

    Exit code 1 if one could not be erased because it is under a legal hold.
    """
    from api.errors import Conflict, NotFound
    from api.registry import erase_member as erase
    from core.erasures import FILE, read_erasures
    from core.settings import settings

    existing_database_url()
    keys = field_keys()
    listed = read_erasures(file or settings().home.resolve() / FILE)
    unknown: list[str] = []
    refused: dict[str, str] = {}

    async def work(database: "Database") -> "list[Erasure]":
        done: list[Erasure] = []
        for one in listed:
            try:
                done.append(await erase(database, keys, _caller(by), one.member_id, _AGAIN, settings().zone))
            except NotFound:
                unknown.append(one.member_id)
            except Conflict as error:
                refused[one.member_id] = error.detail
        return done

    done = with_database(work)
    again = [one.member_id for one in done if one.key_destroyed]
    if as_json:
        print_json({"listed": len(listed), "erased": again, "unknown": unknown, "refused": refused})
        return int(bool(refused))
    click.echo(f"{len(listed):,} erasures listed: {len(again):,} were repeated, {len(unknown):,} are of no member.")
    for reason in refused.values():
        click.echo(f"Not erased: {reason}.", err=True)
    return int(bool(refused))
