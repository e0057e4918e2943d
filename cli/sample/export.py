"""`ginja sample export`: a sample of a case as the files that the other commands work on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import OUTPUT_FOLDER
from cli.output import print_json
from cli.residency import check_region
from cli.sample.files import write_csv

if TYPE_CHECKING:
    from api.database import Database
    from api.samples import SampleDetails


@command(
    examples=[
        "ginja sample export smp_01m8hf422fnb1zpf37er9fq4zv --case cas_01m8hf41btr0gajtkv8zjpf6gm --output sample",
    ]
)
@click.argument("sample_id", metavar="SAMPLE")
@click.option("--case", "case_id", required=True, metavar="CASE", help="Id of the case that it is of.")
@click.option("--output", type=OUTPUT_FOLDER, required=True, help="Folder to write frame.csv and worksheet.csv to.")
def export(sample_id: str, case_id: str, output: Path, as_json: bool) -> None:
    """Write frame and worksheet of SAMPLE of a case, as it is drawn and reviewed.

    `ginja sample draw` and `estimate` give the same sample and estimate from them and the seed that is printed.
    """
    from claims.sampling import SamplingFrame, draw
    from formats.sampling_files import frame_rows, worksheet_rows

    existing_database_url()

    async def read(database: "Database") -> "tuple[SampleDetails, str]":
        from api import samples

        found = await samples.sample(database, case_id, sample_id)
        return found, await samples.frame_text(database, case_id, sample_id)

    details, text = with_database(read)
    frame, record = SamplingFrame.parse(text), details.record
    drawn = draw(frame, record.seed, {one.name: one.size for one in record.strata})
    correct = {one.claim_id: one.correct_cents for one in details.items if one.correct_cents is not None}
    check_region(output)
    output.mkdir(parents=True, exist_ok=True)
    write_csv(output / "frame.csv", frame_rows(frame))
    write_csv(output / "worksheet.csv", worksheet_rows(drawn, correct))
    if as_json:
        print_json(
            {
                "output": output,
                "seed": record.seed,
                "method": record.method,
                "frame_sha256": record.frame_sha256,
                "units": record.frame_units,
                "size": record.size,
                "reviewed": len(correct),
            }
        )
        return
    click.echo(
        f"{output}: frame of {record.frame_units:,} claims ({record.frame_sha256}), {record.size} drawn with the seed "
        f"{record.seed}, {len(correct)} reviewed."
    )
