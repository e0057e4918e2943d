"""`ginja crypto`: the encryption of stored personal data."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.output import print_json

if TYPE_CHECKING:
    from api.database import Database
    from api.field_keys import FieldKeys


RENEWAL_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('ginja crypto rotate --member-keys', 0))"


def _keys(url: str) -> "FieldKeys":
    from api.field_keys import FieldKeys
    from core.settings import settings

    return FieldKeys(settings(), url)


@command(examples=["ginja crypto status --json"])
def status(as_json: bool) -> int:
    """Show the keys that encrypt fields, and how many values are still in clear, in no index, or lost with their key.

    Exit code 1 if there are any of them.
    """
    from api.field_keys import clear_values, data_keys, lost_values, unfinished_renewal, unfinished_rotation
    from api.members import unindexed_members
    from api.notifications import clear_recipients
    from api.registry import clear_identities

    existing_database_url()
    stored = with_database(data_keys)
    clear = with_database(clear_identities)
    values = with_database(clear_values) | with_database(clear_recipients)
    rotation = with_database(unfinished_rotation)
    renewal = with_database(unfinished_renewal)
    lost = with_database(lost_values)
    unindexed = with_database(unindexed_members)
    in_clear = clear.total + sum(values.values())
    exit_code = int(in_clear + unindexed > 0 or bool(lost))
    if as_json:
        shown: dict[str, object] = {"data_keys": [asdict(one) for one in stored], "clear": asdict(clear)}
        shown |= {"values": values, "lost": lost, "unindexed_members": unindexed}
        shown["unfinished_member_keys"] = renewal
        print_json({**shown, "unfinished_rotation": None if rotation is None else rotation.rotation_id})
        return exit_code
    for one in stored:
        click.echo(
            f"data key {one.key_id} ({one.purpose}): master key {one.master_version} of {one.provider}, "
            f"made {one.created_at:%Y-%m-%d}, wraps {one.member_keys:,} keys of members"
        )
    click.echo(f"In clear: {clear.members:,} members, {clear.states:,} earlier states.")
    for column, rows in values.items():
        if rows:
            click.echo(f"In clear: {rows:,} values of {column}.")
    for column, rows in lost.items():
        click.echo(
            f"Lost: {rows:,} values of {column}, whose key is not stored; restore data_keys and member_keys from a "
            "backup."
        )
    if rotation is not None:
        click.echo(f"Rotation {rotation.rotation_id} is not finished: run `ginja crypto rotate`.")
    if renewal is not None:
        click.echo(f"Rotation {renewal} is not finished: run `ginja crypto rotate --member-keys`.")
    if unindexed:
        click.echo(f"{unindexed:,} members are found by no search.")
    if in_clear or unindexed:
        click.echo("Run `ginja crypto encrypt`.")
    return exit_code


@command(examples=["ginja crypto encrypt"])
def encrypt(as_json: bool) -> int:
    """Encrypt what earlier releases stored in clear, in batches while the platform runs.

    Members that no search finds, because an earlier release stored them, are added to the index. Exit code 1 if
    something is left because it was being changed: run it again.
    """
    from api.field_keys import clear_values, encrypt_values
    from api.members import index_unindexed, unindexed_members
    from api.notifications import clear_recipients, encrypt_recipients
    from api.registry import clear_identities, encrypt_identities

    keys = _keys(existing_database_url())

    def show(rows: int) -> None:
        click.echo(f"{rows:,} rows encrypted", err=True)

    def show_indexed(rows: int) -> None:
        click.echo(f"{rows:,} members indexed", err=True)

    async def work(database: "Database") -> tuple[int, int, int, int]:
        done = await encrypt_identities(database, keys, show) + await encrypt_values(database, keys, show)
        done += await encrypt_recipients(database, keys, show)
        values = await clear_values(database) | await clear_recipients(database)
        left = (await clear_identities(database)).total + sum(values.values())
        indexed = await index_unindexed(database, keys, show_indexed)
        return done, left, indexed, await unindexed_members(database)

    done, left, indexed, unindexed = with_database(work)
    if as_json:
        print_json({"encrypted": done, "left": left, "indexed": indexed, "unindexed": unindexed})
    else:
        click.echo(f"{done:,} rows encrypted; {left:,} are in clear.")
        click.echo(f"{indexed:,} members added to the index; {unindexed:,} are in none.")
    return int(left + unindexed > 0)


@command(examples=["ginja crypto rotate", "ginja crypto rotate --json", "ginja crypto rotate --member-keys"])
@click.option("--member-keys", is_flag=True, help="Replace members' own keys instead, and move what they encrypted.")
@click.option("--member", "member_id", metavar="ID", help="With --member-keys: of this member only.")
def rotate(member_keys: bool, member_id: str | None, as_json: bool) -> int:
    """Make a new master key and new data keys, and move everything under them, while the platform runs.

    Goes on with a rotation that was ended. Master keys that GINJA_ENCRYPTION_KEYS names, or that AWS KMS holds, are
    made there before. Exit code 1 if something was being changed and is left, which another run moves, or if values
    cannot be decrypted: those stay under the earlier keys.

    With --member-keys, members get new keys, and what the earlier ones encrypted is encrypted with these. An earlier
    key is destroyed, unless an archive or the audit log has values under it. Every process must be of this release.
    """
    if member_id is not None and not member_keys:
        raise click.UsageError("--member needs --member-keys: only members' own keys are replaced one by one")
    if member_keys:
        return _renew(member_id, as_json)
    from api.field_keys import rotate as rotate_keys
    from api.members import MemberIndexKeys
    from core.settings import settings

    keys = _keys(existing_database_url())
    started = time.monotonic()

    def show(column: str, rows: int) -> None:
        click.echo(f"{rows:,} values of {column} moved", err=True)

    report = with_database(lambda database: rotate_keys(database, settings(), keys, show, derived=[MemberIndexKeys()]))
    seconds = round(time.monotonic() - started, 1)
    rows, left = sum(report.rows.values()), sum(report.left.values())
    if as_json:
        print_json({**asdict(report), "seconds": seconds})
        return int(left > 0 or bool(report.unreadable))
    click.echo(
        f"Rotation {report.rotation_id}{' went on' if report.resumed else ''}: {report.data_keys:,} data keys wrapped "
        f"again, {rows:,} values moved to new ones in {seconds:,} s."
    )
    if not report.master_rotated:
        click.echo("The key provider made no new version of the master key: its owner does.")
    if left:
        click.echo(f"{left:,} values were being changed. Run `ginja crypto rotate` again.")
    for column, count in report.unreadable.items():
        click.echo(
            f"{count:,} values of {column} cannot be decrypted and were not moved: they were changed, or encrypted "
            "with a key that is not stored."
        )
    return int(left > 0 or bool(report.unreadable))


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """One run at a time replaces members' keys; the lock ends with the connection, also where the run is killed."""
    from api.database import NO_LIMITS, connect
    from api.migrate import plain_url

    with connect(plain_url(url), NO_LIMITS) as connection:
        (is_first,) = connection.execute(RENEWAL_LOCK).fetchone() or (False,)
        if not is_first:
            raise click.ClickException("Another run replaces members' keys. Wait until it has ended, and run it again.")
        yield


def _renew(member_id: str | None, as_json: bool) -> int:
    from api.field_keys import KEYS, renew_member_keys

    url = existing_database_url()
    keys = _keys(url)
    started = time.monotonic()

    def show(column: str, rows: int) -> None:
        what = "members have new keys" if column == KEYS else f"values of {column} moved"
        click.echo(f"{rows:,} {what}", err=True)

    with _alone(url):
        report = with_database(lambda database: renew_member_keys(database, keys, show, member_id=member_id))
    seconds = round(time.monotonic() - started, 1)
    rows, left = sum(report.rows.values()), sum(report.left.values())
    exit_code = int(left > 0 or bool(report.unreadable))
    if as_json:
        print_json({**asdict(report), "seconds": seconds})
        return exit_code
    name = "Members' keys" if report.rotation_id is None else f"Rotation {report.rotation_id}"
    click.echo(
        f"{name}{' went on' if report.resumed else ''}: {report.renewed:,} members have new keys, {rows:,} values "
        f"moved to them, {report.dropped:,} earlier keys destroyed in {seconds:,} s."
    )
    kept = (("the audit log", report.kept.audit_log), ("archives", report.kept.archives))
    for where, members in kept:
        if members:
            click.echo(f"Earlier keys of {members:,} members are kept: {where} has values under them.")
    if left:
        again = " ".join(("ginja crypto rotate --member-keys", *(("--member", member_id) if member_id else ())))
        click.echo(f"{left:,} keys and values were being changed. Run `{again}` again.")
    for column, count in report.unreadable.items():
        click.echo(f"{count:,} values of {column} cannot be decrypted and were not moved.")
    return exit_code
