"""What every run in MLflow states about its data: tags, the data set with its source, mapping, and rejected rows."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from features.vector import ModelSchema
from models.registry import DataRecord
from pipelines.datasets import Examples, Source
from pipelines.store import DatasetDocument


class RunKind(Enum):
    """What a run did; the tag `ginja.kind`."""

    TRAINING = "training"
    REFUSED_TRAINING = "refused training"
    EVALUATION = "evaluation"
    DRIFT = "drift"
    THRESHOLD = "threshold"


def run_tags(kind: RunKind, *, dataset: str, model: str | None = None, use: str | None = None) -> dict[str, str]:
    """The tags that every run has, to search by: `tags."ginja.kind" = 'drift'`."""
    optional = {"ginja.model": model, "ginja.use": use}
    tags = {"ginja.kind": kind.value, "ginja.dataset": dataset}
    return tags | {name: value for name, value in optional.items() if value}


def data_record(
    source: Source, examples: Examples, rows: NDArray[np.intp], schema: ModelSchema, *, context: str
) -> DataRecord:
    """The claims of `rows` as the data set of a run."""
    return DataRecord(
        name=source.name,
        uri=source.uri,
        sha256=source.sha256,
        columns=schema.names,
        features=examples.matrix(rows, schema),
        fraud=examples.fraud[rows],
        context=context,
    )


def data_texts(source: Source) -> dict[str, str]:
    """How a data set was read, by file name: `dataset.json`, and of a file its mapping and its rejected rows."""
    about = source.about
    texts = {"data/dataset.json": json.dumps(about, indent=1)}
    if "mapping_document" in about:
        texts["data/mapping.yaml"] = _yaml(about["mapping_document"])
    if "rejected" in about:
        texts["data/rejects.md"] = rejects_table(about)
    return texts


def data_metrics(source: Source) -> dict[str, float]:
    """Rows read and rejected, and the share of fraud among the labelled ones of each."""
    about = source.about
    found = {f"data.{name}": cast("float | None", about.get(name)) for name in ("rows", "claims", "rejected")}
    found["data.rejected_fraud_rate"] = _rate(about.get("rejected_labels"))
    found["data.accepted_fraud_rate"] = _rate(about.get("accepted_labels"))
    return {name: float(value) for name, value in found.items() if value is not None}


def rejects_table(about: DatasetDocument) -> str:
    """The rejected rows by reason, with the share of fraud among those that have a label, as Markdown."""
    rates = about.get("reject_label_rates", {})
    rejected, rows, accepted = about.get("rejected", 0), about.get("rows", 0), _rate(about.get("accepted_labels"))
    lines = [
        f"{rejected:,} of {rows:,} rows were rejected. Share of fraud among the accepted ones: {_percent(accepted)}.",
        "",
        "| reason | rows | share of fraud |",
        "|---|---:|---:|",
        *(
            f"| {reason} | {count:,} | {_percent(rates.get(reason))} |"
            for reason, count in about.get("reasons", {}).items()
        ),
    ]
    return "\n".join(lines) + "\n"


def describe_data(source: Source) -> str:
    """One paragraph of Markdown: the data set with a link to how it was read, and how much of it was rejected."""
    about = source.about
    text = (
        f"Data: [{source.name}](artifacts:data/dataset.json), SHA-256 `{source.sha256[:12]}`, from {_place(source.uri)}"
    )
    if "file" in about:
        text += f", read from `{about['file']}`"
    if "mapping_document" in about:
        text += " by [its mapping](artifacts:data/mapping.yaml)"
    if about.get("rejected"):
        rejected = f"{about['rejected']:,} of {about.get('rows', 0):,} rows rejected"
        text += f"; [{rejected}](artifacts:data/rejects.md)"
    return text + "."


def _place(uri: str) -> str:
    """A web address as a link; browsers do not follow one from a page to a local file."""
    return f"<{uri}>" if uri.startswith("http") else f"`{uri}`"


def _rate(labels: Mapping[str, int] | None) -> float | None:
    return labels["fraud"] / labels["labelled"] if labels and labels.get("labelled") else None


def _percent(rate: float | None) -> str:
    return "no label" if rate is None else f"{rate:.1%}"


def _yaml(document: object) -> str:
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
