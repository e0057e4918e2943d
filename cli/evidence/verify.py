"""`ginja evidence verify`: whether a pack states what its claims, its vectors and its models give."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.command import command
from cli.exit_codes import ExitCode
from cli.options import INPUT_FILE, INPUT_FOLDER
from cli.output import print_json


@command(
    examples=[
        "ginja evidence verify evp_01m86p3ap6yntdyk7shqjq4hs9.json",
        "ginja evidence verify pack.json --pdf pack.pdf --json",
        "ginja evidence verify pack.json --files records",
    ]
)
@click.argument("file", metavar="FILE", type=INPUT_FILE)
@click.option("--pdf", type=INPUT_FILE, help="PDF of the pack; default: the file of the same name, where there is one.")
@click.option(
    "--files", type=INPUT_FOLDER, help="Folder of files that are given as records of the pack; default: none."
)
def verify(file: Path, pdf: Path | None, files: Path | None, as_json: bool) -> None:
    """Verify an evidence pack; exits 1 if anything differs, and names what.

    Compared are the form of every byte, the hash of each section, the signature, the PDF, counts and sums with the
    claims of the schedule, contributions with the margin of each score, and each score with the one that its model
    gives for its vector. With --files, each file in the folder is compared with the SHA-256 of the records. A model
    that this home does not have is reported as not checked, and so is a record that is not in the folder. Trusted is
    the key of this home, or those of GINJA_SIGNING_PUBLIC_KEYS. No database is needed.
    """
    from hashlib import sha256

    from api.evidence import signature_check
    from claims.evidence import LARGEST, CheckState, verify_pack
    from cli.evidence.models import HomeModels
    from core.settings import settings
    from core.signing import trusted_keys

    own = settings()
    beside = pdf or file.with_suffix(".pdf")
    with file.open("rb") as opened:
        raw = opened.read(LARGEST + 1)
    found = verify_pack(
        raw,
        signature_check(trusted_keys(own)),
        models=HomeModels(own.home),
        pdf_sha256=sha256(beside.read_bytes()).hexdigest() if beside.is_file() and beside != file else None,
        files=None if files is None else _hashes(files, (file, beside)),
    )
    if as_json:
        checks = {one.name: {"state": one.state.value, "text": one.text} for one in found.checks}
        print_json({"equal": found.is_equal, "pack_id": found.pack_id, "case_id": found.case_id, "checks": checks})
    else:
        words = {CheckState.EQUAL: "equal", CheckState.DIFFERENT: "DIFFERENT", CheckState.NOT_CHECKED: "not checked"}
        for one in found.checks:
            click.echo(f"{one.name}: {words[one.state]}: {one.text}.")
        click.echo("equal" if found.is_equal else "NOT EQUAL")
    if not found.is_equal:
        raise SystemExit(ExitCode.FAILED)


def _hashes(folder: Path, left_out: Sequence[Path]) -> dict[str, str]:
    """Name → SHA-256 of the files in a folder, but for those of the pack itself; hidden files are left out."""
    from hashlib import file_digest

    found = {}
    pack = [one.resolve() for one in left_out]
    for one in sorted(folder.iterdir()):
        if one.is_file() and not one.name.startswith(".") and one.resolve() not in pack:
            with one.open("rb") as opened:
                found[one.name] = file_digest(opened, "sha256").hexdigest()
    return found
