"""`ginja evidence verify`: whether a pack states what its claims, its vectors and its models give."""

from pathlib import Path

import click

from cli.command import command
from cli.exit_codes import ExitCode
from cli.options import INPUT_FILE
from cli.output import print_json


@command(
    examples=[
        "ginja evidence verify evp_01m86p3ap6yntdyk7shqjq4hs9.json",
        "ginja evidence verify pack.json --pdf pack.pdf --json",
    ]
)
@click.argument("file", metavar="FILE", type=INPUT_FILE)
@click.option("--pdf", type=INPUT_FILE, help="PDF of the pack; default: the file of the same name, where there is one.")
def verify(file: Path, pdf: Path | None, as_json: bool) -> None:
    """Verify an evidence pack; exits 1 if anything differs, and names what.

    Compared are the form of every byte, the hash of each section, the signature, the PDF, counts and sums with the
    claims of the schedule, contributions with the margin of each score, and each score with the one that its model
    gives for its vector. A model that this home does not have is reported as not checked. Trusted is the key of this
    home, or those of GINJA_SIGNING_PUBLIC_KEYS. No database is needed.
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
