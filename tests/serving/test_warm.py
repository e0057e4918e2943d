"""After the warm-up nothing is left to be compiled while a claim waits."""

import subprocess
import sys
from pathlib import Path

from tests.serving.makers import make_model

COUNT = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from models.details import explanation_details
from models.explain import kernels, pair_kernels
from models.explain.peers import HonestPeers
from models.artefact import load_pointed, target_of
from models.scorer import Scorer
from serving.warm import warm
from features.declare import VIEWS, RowKind
from features.vector import Reading
from tests.serving.makers import a_claim

def compiled():
    loops = {**vars(kernels), **vars(pair_kernels)}.values()
    return sum(len(loop.signatures) for loop in loops if hasattr(loop, "signatures"))

def with_peers(artefact):
    rows = np.zeros((40, len(artefact.features)), dtype=np.float32)
    return replace(artefact, peers=HonestPeers(np.array(["surgery"]), np.array([0, 40]), rows))

home = Path(sys.argv[1])
artefacts = (load_pointed(home, target_of(home, version)) for version in ("calm", "strict"))
calm, strict = (Scorer(with_peers(artefact)) for artefact in artefacts)
warm(calm)
before = compiled()
unseen = {view.name: view.zeros for view in VIEWS if view.kind is not RowKind.WEEKLY}
score = strict.score(a_claim(), Reading(unseen, {}, ()))
assert score.flagged, "the claim was to be flagged, so that a counterfactual is searched"
details = explanation_details(strict.artefact, score.vector, "surgery")
assert details.peers is not None
print(before, compiled())
"""


def test_the_first_flagged_claim_and_its_details_compile_nothing_after_warm_up(tmp_path: Path) -> None:
    make_model(tmp_path, "calm", threshold=1.0)  # flags nothing, so that the warm-up searches no counterfactual
    make_model(tmp_path, "strict", threshold=0.0)
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split()
    assert before == after
