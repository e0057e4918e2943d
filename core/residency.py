"""Where files with data of members may be written: to folders that are declared to be in the region of the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.errors import CoreError
from core.settings import Settings

REMEDY: Final = "write it to a folder of the region, or declare the folder in GINJA_DATA_REGIONS"


class ResidencyError(CoreError):
    """A file would leave the region of the data; the message names the folder, its region and the remedy."""

    exit_code = 2


def require_region(settings: Settings, file: Path) -> None:
    """Raise `ResidencyError` where a file would be in another region than `GINJA_DATA_RESIDENCY`, or in an unknown one.

    Links are followed. Without the setting every place is allowed.
    """
    required = settings.data_residency
    if required is None:
        return
    place = file.resolve()
    region = _region_of(place, settings.regions)
    if region != required:
        where = "in no declared region" if region is None else f"in {region}"
        raise ResidencyError(f"{place} is {where}, and the data must stay in {required}: {REMEDY}")


def _region_of(place: Path, regions: Mapping[Path, str]) -> str | None:
    """The region of the innermost declared folder that a file is in."""
    return next((found for parent in place.parents if (found := regions.get(parent)) is not None), None)
