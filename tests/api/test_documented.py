"""The answer shown in docs/guides/claims-system.md; tests/docs sends every request of that page."""

import json
import re
from pathlib import Path

from api.intake.responses import ClaimOut

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "claims-system.md").read_text()


def test_the_documented_response_has_the_fields_of_a_response():
    answers = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert set(answers[0]) == set(ClaimOut.model_fields)
