"""The examples of docs/guides/claims-system.md, sent to the API as they stand."""

import json
import re
from pathlib import Path

from api.intake.schemas import ClaimOut
from tests.api.makers import MINIMAL, Api, answering

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "claims-system.md").read_text()
EXAMPLES = re.findall(r"curl \$API(/\S+) [^\n]*(?:\\\n)?[^\n]*?-d '(\{.*?\})'\n", PAGE, re.DOTALL)


async def test_every_documented_body_is_taken(api: Api):
    assert len(EXAMPLES) == 7
    first, lines, correction, void, batch, decision, finding = EXAMPLES
    claim_id = (await api.submit(first[1].encode())).json()["claim_id"]
    paid = (await api.submit(lines[1].encode())).json()["claim_id"]
    response = await api.post(correction[0], correction[1].replace("'$ID'", claim_id).encode())
    assert response.status_code == 201
    for (path, body), of, status in ((void, response.json()["claim_id"], 200), (batch, "", 200), (finding, paid, 201)):
        response = await api.post(path.replace("$ID", of), body.encode())
        assert response.status_code == status
    api.scorer.behaviour = answering(0.9)
    in_review = (await api.submit(MINIMAL | {"claim_amount": 450})).json()["claim_id"]
    response = await api.post(decision[0].replace("$ID", in_review), decision[1].encode())
    assert (response.status_code, response.json()["effect"]) == (201, "settled")


def test_the_documented_answer_has_the_fields_of_an_answer():
    answers = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert set(answers[0]) == set(ClaimOut.model_fields)
