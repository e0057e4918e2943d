"""What MLflow keeps of an evaluation."""

import subprocess
from pathlib import Path
from typing import Any

from pipelines.evaluate.judged import MODEL


def git_commit() -> str | None:
    """The commit of the code, with `+` where it was changed since; None outside a repository."""
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() or None


def metrics_of(evaluation: dict[str, Any]) -> dict[str, float]:
    """The evaluation's numbers under flat names."""
    found: dict[str, float] = {"base_rate": evaluation["base_rate"]}
    for who, measured in evaluation["who"].items():
        prefix = "" if who == MODEL else who.replace(" ", "_") + "."
        for name, value in measured.items():
            if isinstance(value, dict):
                found |= {f"{prefix}{name}": value["value"], f"{prefix}{name}.low": value["low"]}
                found[f"{prefix}{name}.high"] = value["high"]
            else:
                found[f"{prefix}{name}"] = value
    found |= {f"threshold.{name}": value for name, value in evaluation["threshold"].items()}
    found |= {f"kind.{kind}.recall_at_k": part["recall_at_k"] for kind, part in evaluation["kinds"].items()}
    found["dollars_times_rule"] = evaluation["rule"]["ratio"]
    found["unseen_providers.ap"] = evaluation["unseen_providers"]["ap"]
    return {name: float(value) for name, value in found.items() if value is not None}
