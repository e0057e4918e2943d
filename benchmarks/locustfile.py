"""Load for Locust.

`locust -f benchmarks/locustfile.py --headless -u 8 -r 8 -t 60s --host http://127.0.0.1:8601 ScorerUser`

Claims come from the simulated claims of `GINJA_HOME` (`ginja data simulate`). `ScorerUser` calls the scorer;
`ClaimsUser` submits to the claims API and needs `GINJA_API_KEY`. Name one of them on the command line, with its
`--host`.
"""

import itertools
import os
import uuid
from typing import Any

from locust import FastHttpUser, constant_throughput, task

from benchmarks.bodies import score_bodies, submission_bodies

_SCORES = itertools.cycle(body.decode() for body in score_bodies(1_000))
_SUBMISSIONS = itertools.cycle(body.decode() for body in submission_bodies(1_000))


class ScorerUser(FastHttpUser):
    """One client of the scorer, at maximum rate."""

    @task
    def score(self) -> None:
        """One claim, states read from the online store."""
        self.client.post("/v1/score", data=next(_SCORES), headers={"content-type": "application/json"})


class ClaimsUser(FastHttpUser):
    """One client of the claims API, ten claims a second."""

    wait_time: Any = constant_throughput(10)

    @task
    def submit(self) -> None:
        """One claim, decided and committed."""
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {os.environ['GINJA_API_KEY']}",
            "idempotency-key": uuid.uuid4().hex,
        }
        self.client.post("/v1/claims", data=next(_SUBMISSIONS), headers=headers)
