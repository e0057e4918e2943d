"""`python -m benchmarks.supply_chain.sbom FILE`: a CycloneDX bill of materials of the product, from `uv.lock`.

uv writes it; the version of the product is added, and what differs between two runs is made to follow from the
content: equal locks give equal bytes.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from os import environ
from pathlib import Path

from benchmarks.supply_chain.lock import exported
from core.version import __version__


def bill_of_materials(made_at: datetime) -> str:
    """The bill as JSON; development tools are not part of it."""
    document = json.loads(exported("cyclonedx1.5", "--no-default-groups", "--preview-features", "sbom-export"))
    component = document["metadata"]["component"]
    component |= {"type": "application", "version": __version__}
    document["metadata"]["timestamp"] = made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    del document["serialNumber"]
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, content).urn
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the bill; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="Where to write it; what is there is replaced.")
    file: Path = parser.parse_args(arguments).file
    bill = bill_of_materials(datetime.fromtimestamp(int(environ.get("SOURCE_DATE_EPOCH", "0")), UTC))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(bill)
    print(f"{file}: {len(json.loads(bill)['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
