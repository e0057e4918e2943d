"""Files with data of members that commands write stay in the region of the data."""

from pathlib import Path


def check_region(file: Path | None) -> None:
    """Raise `ResidencyError` where a file may not be written; `None`: there is none."""
    from core.residency import require_region
    from core.settings import settings

    if file is not None:
        require_region(settings(), file)
