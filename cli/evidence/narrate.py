"""`ginja evidence narrate`: the summary of a pack, each sentence recomputed from the facts that it cites."""

from pathlib import Path

import click

from cli.command import command
from cli.options import INPUT_FILE
from cli.output import print_json


@command(
    examples=[
        "ginja evidence narrate evp_01m86p3ap6yntdyk7shqjq4hs9.json",
        "ginja evidence narrate pack.json --draft --json",
    ]
)
@click.argument("file", metavar="FILE", type=INPUT_FILE)
@click.option("--draft", is_flag=True, help="Have the endpoint of GINJA_NARRATIVE_URL draft it; default: templates.")
def narrate(file: Path, draft: bool, as_json: bool) -> None:
    """Write the summary of an evidence pack in sentences that cite its facts.

    The pack is verified first: form, hashes, signature, counts and sums. Each sentence is recomputed from the facts in
    its square brackets; of a draft, sentences that do not follow from them are dropped and counted.
    """
    import asyncio

    from api.evidence import signature_check
    from api.narrative import drafted_narrative, drafting_endpoint, narrative_of_templates
    from claims.evidence import LARGEST, CheckState, facts_of, from_json, read_pack_file, verify_pack
    from claims.narrative import narrative_facts
    from core.settings import settings
    from core.signing import trusted_keys

    own = settings()
    with file.open("rb") as opened:
        raw = opened.read(LARGEST + 1)
    verified = verify_pack(raw, signature_check(trusted_keys(own)))
    if not verified.is_equal:
        wrong = "; ".join(f"{one.name}: {one.text}" for one in verified.checks if one.state is CheckState.DIFFERENT)
        raise click.ClickException(f"{file}: {wrong}. No summary is written of a pack that does not verify.")
    endpoint = drafting_endpoint(own)
    if draft and endpoint is None:
        raise click.ClickException(
            "--draft needs GINJA_NARRATIVE_URL and GINJA_NARRATIVE_MODEL; without it, templates."
        )
    facts = narrative_facts(facts_of(from_json(dict(read_pack_file(raw).pack))))
    found = asyncio.run(drafted_narrative(facts, endpoint)) if draft and endpoint else narrative_of_templates(facts)
    if as_json:
        print_json(
            {
                "case_id": verified.case_id,
                "pack_id": verified.pack_id,
                "written_by": found.written_by,
                "drafted": found.drafted,
                "dropped": found.dropped,
                "unavailable": found.unavailable,
                "sentences": [{"text": one.text, "facts": list(one.fact_ids)} for one in found.sentences],
            }
        )
        return
    for sentence in found.sentences:
        click.echo(sentence.text)
    if found.unavailable is not None:
        click.echo(f"No draft: {found.unavailable}. Written by templates.", err=True)
    elif found.drafted:
        click.echo(f"{found.dropped} of {found.drafted} drafted sentences were dropped.", err=True)
