"""The examples of docs/claims-api.md, sent to the API as they stand."""

import json
import re
from pathlib import Path

from api.intake.schemas import ClaimOut
from tests.api.makers import Api

PAGE = (Path(__file__).parents[2] / "docs" / "claims-api.md").read_text()
EXAMPLES = re.findall(r"curl \$API(/\S+) [^\n]*(?:\\\n)?[^\n]*?-d '(\{.*?\})'\n", PAGE, re.DOTALL)


async def test_every_documented_body_is_taken(api: Api):
    assert len(EXAMPLES) == 6
    response = await api.submit(EXAMPLES[0][1].encode())
    claim_id = response.json()["claim_id"]
    for path, body in EXAMPLES[1:3]:
        response = await api.post(path, body.replace("'$ID'", claim_id).encode())
        assert response.status_code == 201
    corrected = response.json()["claim_id"]
    for path, body in EXAMPLES[3:]:
        response = await api.post(path.replace("$ID", corrected), body.encode())
        assert response.status_code == (201 if path.endswith("/dispositions") else 200)


def test_the_documented_answer_has_the_fields_of_an_answer():
    answers = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert set(answers[0]) == set(ClaimOut.model_fields)
