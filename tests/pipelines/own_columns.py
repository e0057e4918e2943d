"""A labelled file of motor claims whose further columns carry the signal, and its mapping that declares them."""

import fcntl
import os
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.datasets import open_file
from pipelines.train import train_and_register
from tests.models.stores import new_store
from tests.pipelines import model_life

MAPPING = """
name: motor
columns:
  claim_id: Claim
  received_at: Reported
  service_from: Accident
  provider_id: Garage
  member_id: Policy
  specialty: BasePolicy
  amount: Claimed
  label: Fraud
features:
  police_report: {type: boolean, meaning: Police report, column: PoliceReportFiled, yes: ["Yes"], no: ["No"]}
  fault: {type: category, meaning: Fault, column: Fault}
  make: {type: category, meaning: Make, column: Make}
  address_change: {type: category, meaning: Address changed before the claim, of: member, column: AddressChange}
  deductible: {type: number, meaning: Deductible, column: Deductible}
  driver_rating: {type: number, meaning: Rating of the driver, of: member, column: Rating}
  policy_start: {type: date, meaning: Policy start, of: member, column: PolicyStart}
  base_policy: {type: category, meaning: Base policy, field: specialty}
"""
MAKES = [f"Make {number:02}" for number in range(40)]


def motor_claims(rows: int, seed: int = 1) -> pd.DataFrame:
    """Claims in the order of their reports; the label depends on the declared columns, hardly on the amount."""
    rng = np.random.default_rng(seed)
    reported = np.sort(rng.integers(0, 500, rows))
    accident = reported - rng.integers(0, 20, rows)
    start = accident - rng.integers(1, 900, rows)
    report = rng.random(rows) < 0.15
    fault = rng.choice(["Policy holder", "Third party"], rows, p=[0.7, 0.3])
    make = rng.choice(MAKES, rows, p=np.arange(1, 41) / np.arange(1, 41).sum())
    change = rng.choice(["none", "1 year", "under 6 months"], rows, p=[0.8, 0.15, 0.05])
    base = rng.choice(["Liability", "Collision", "All perils"], rows)
    deductible, rating = rng.choice([300, 400, 500, 700], rows), rng.integers(1, 5, rows)
    risk = (
        1.6 * (fault == "Policy holder")
        + 2.0 * (change == "under 6 months")
        + 1.2 * (base == "All perils")
        - 1.0 * report
        + 1.8 * (accident - start < 60)
        + 0.9 * (pd.Series(make).str[-2:].astype(int).to_numpy() % 7 == 0)
        + 1.0 * (deductible == 300)
        + rng.normal(0, 0.8, rows)
    )
    day = date(2023, 1, 1)
    days = [[(day + timedelta(days=int(n))).isoformat() for n in column] for column in (reported, accident, start)]
    return pd.DataFrame(
        {
            "Claim": [f"C{number:05}" for number in range(rows)],
            "Reported": days[0],
            "Accident": days[1],
            "Garage": [f"G{n}" for n in rng.integers(0, 60, rows)],
            "Policy": [f"P{n}" for n in rng.integers(0, rows, rows)],
            "BasePolicy": base,
            "Claimed": np.round(rng.lognormal(7, 0.8, rows), 2),
            "PoliceReportFiled": np.where(report, "Yes", "No"),
            "Fault": fault,
            "Make": np.where(rng.random(rows) < 0.02, "", make),
            "AddressChange": change,
            "Deductible": deductible,
            "Rating": rating,
            "PolicyStart": days[2],
            "Fraud": np.where(risk > np.quantile(risk, 0.88), "Y", "N"),
        }
    )


def motor_file(folder: Path, rows: int = 3_000) -> tuple[Path, Path, pd.DataFrame]:
    """The file, its mapping, and its content."""
    claims = motor_claims(rows)
    file, mapping = folder / "motor.csv", folder / "motor.yaml"
    claims.to_csv(file, index=False)
    mapping.write_text(MAPPING)
    return file, mapping, claims


@cache
def trained_home() -> Path:
    """A home with a candidate trained on the file of motor claims; never change it.

    Its file `made` names the artefact's folder.
    """
    home = Path(os.environ["GINJA_HOME"]) / "own-features"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            file, mapping, _ = motor_file(home)
            source = open_file(file, mapping, home)
            report = train_and_register(home, source=source, options=model_life.OPTIONS, store=new_store(home))
            (home / "made").write_text(str(report.path))
    return home
