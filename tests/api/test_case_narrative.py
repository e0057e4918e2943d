"""Drafts of a case summary by an endpoint, a real HTTP server that lies: what is shown, and what it is sent."""

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from api.narrative import DraftingEndpoint, drafted_narrative, drafting_endpoint, narrative_of_templates
from benchmarks.narrative_lies import KINDS, lies
from benchmarks.narrative_truths import CaseOfFacts, truths
from claims.evidence import PackDetection, facts_of
from claims.narrative import narrative_facts
from core.settings import Settings
from tests.claims.evidence_packs import DAY, make_pack

KEY = "key-of-the-endpoint"
LIES_OF_A_DRAFT = 40


class FakeEndpoint:
    """An endpoint of a language model; what it is sent is kept."""

    def __init__(self, answer: Callable[[dict[str, Any]], str | bytes | None]) -> None:
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self.answer = answer
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.requests.append((self.path, self.headers["Authorization"], sent))
                answer = fake.answer(sent)
                if answer is None:
                    fake.released.wait()
                    return
                body = answer if isinstance(answer, bytes) else completion(answer)
                self.send_response(500 if body == b"error" else 302 if body == b"elsewhere" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def client(self, *, deadline_s: float = 20.0) -> DraftingEndpoint:
        return DraftingEndpoint(self.url, "model-1", key=KEY, deadline_s=deadline_s)


def completion(text: str) -> bytes:
    return json.dumps({"id": "1", "choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@contextmanager
def endpoint(answer: Callable[[dict[str, Any]], str | bytes | None]) -> Iterator[FakeEndpoint]:
    fake = FakeEndpoint(answer)
    try:
        yield fake
    finally:
        fake.close()


def numbered(sentence: str, case: CaseOfFacts, sent: dict[str, Any]) -> str:
    """A sentence as the model of an endpoint writes it: with numbers of facts, and placeholders for ids."""
    lines = [
        re.fullmatch(r"\[(F\d+)\] ([^ ]+)(?: of (\S+))?: (.+)", line)
        for line in sent["messages"][1]["content"].split("\n")
    ]
    # The facts are sent in the order of the case, so that the numbers are found again by it.
    facts = list(narrative_facts(case.facts).values())
    for line, fact in zip(lines, facts, strict=True):
        sentence = sentence.replace(f"[{fact.fact_id}]", f"[{line[1]}]")
    for line, fact in zip(lines, facts, strict=True):
        if line[3]:
            sentence = re.sub(rf"\b{re.escape(fact.subject)}\b", line[3], sentence)
        if line[4].startswith("ID_"):
            sentence = sentence.replace(str(fact.value), line[4])
        if line[4].startswith("TEXT_"):
            sentence = sentence.replace(f'"{fact.value}"', line[4])
    return sentence


def small_case(chosen: random.Random) -> CaseOfFacts:
    """A case all of whose facts are sent."""
    return next(case for _ in iter(int, 1) if len((case := CaseOfFacts(chosen)).claims) <= 8)


async def test_of_1000_lies_of_an_endpoint_none_is_shown_and_its_true_sentences_are():
    chosen = random.Random(7)
    planted = dict.fromkeys(KINDS, 0)
    true_shown = true_drafted = 0
    draft: list[str] = []
    case = small_case(chosen)
    with endpoint(lambda sent: "\n".join(numbered(one, case, sent) for one in draft)) as fake:
        while min(planted.values()) < 200:
            case = small_case(chosen)
            facts = narrative_facts(case.facts)
            made = [(kind, text) for kind, text in lies(case, chosen) if planted[kind] < 200]
            chosen.shuffle(made)
            # Kinds that are rarer come first, so that every kind is planted 200 times.
            made.sort(key=lambda one: planted[one[0]])
            false = dict.fromkeys(text for _, text in made[:LIES_OF_A_DRAFT])
            true = {truth.text for truth in chosen.sample(truths(case, chosen), 20)}
            draft[:] = [*false, *true]
            chosen.shuffle(draft)
            found = await drafted_narrative(facts, fake.client())
            for kind, _ in made[:LIES_OF_A_DRAFT]:
                planted[kind] += 1
            shown = {sentence.text for sentence in found.sentences}
            assert not shown & set(false)
            assert found.written_by == "draft"
            assert found.dropped == found.drafted - len(found.sentences)
            true_drafted += len(true)
            true_shown += len(shown)
    assert sum(planted.values()) >= 1_000
    assert true_shown >= 0.95 * true_drafted


async def test_an_endpoint_is_sent_no_id_no_day_and_no_text():
    pack = make_pack(detection=PackDetection("hotline", DAY, "A call."))
    facts = narrative_facts(facts_of(pack))
    with endpoint(lambda sent: "") as fake:
        await drafted_narrative(facts, fake.client())
    [(path, authorization, sent)] = fake.requests
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {KEY}")
    text = json.dumps(sent)
    for fact in facts.values():
        for hidden in (fact.subject, fact.value if isinstance(fact.value, str) else None):
            assert hidden is None or not re.search(rf"\b{re.escape(hidden)}\b", sent["messages"][1]["content"])
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)
    assert pack.referrer.person not in text
    assert f"{pack.schedule.totals.billed_cents / 100:.2f}" in text


async def test_placeholders_of_a_draft_become_what_they_stand_for():
    facts = narrative_facts(facts_of(make_pack()))

    def answer(sent: dict[str, Any]) -> str:
        found = re.search(r"\[(F\d+)\] subject.provider: (ID_\d+)", sent["messages"][1]["content"])
        return f"The case concerns provider {found[2]} [{found[1]}]."

    with endpoint(answer) as fake:
        narrative = await drafted_narrative(facts, fake.client())
    assert [one.text for one in narrative.sentences] == ["The case concerns provider H1 [subject.id]."]
    assert narrative.sentences[0].fact_ids == ("subject.id",)


async def test_a_draft_cannot_cite_facts_by_their_ids():
    facts = narrative_facts(facts_of(make_pack()))
    count = facts["claims.count"].value
    with endpoint(lambda sent: f"The case covers {count} claims [claims.count].") as fake:
        narrative = await drafted_narrative(facts, fake.client())
    assert (narrative.written_by, narrative.drafted, narrative.dropped) == ("templates", 1, 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"error", "status 500"),
        (b"elsewhere", "status 302"),
        (b"no JSON", "no chat completion"),
        (b'{"choices": []}', "no choice"),
        (b'{"choices": [{"message": {"content": null}}]}', "no chat completion"),
        (completion("x" * 300_000), "more than 262144 bytes"),
    ],
)
async def test_without_a_usable_answer_templates_write_the_summary(answer: bytes, reason: str):
    facts = narrative_facts(facts_of(make_pack()))
    with endpoint(lambda sent: answer) as fake, capture_logs() as logs:
        narrative = await drafted_narrative(facts, fake.client())
    assert narrative.sentences == narrative_of_templates(facts).sentences
    assert reason in str(narrative.unavailable)
    assert KEY not in str(logs)
    assert len(fake.requests) == 1


async def test_an_endpoint_that_does_not_answer_in_time_is_left():
    facts = narrative_facts(facts_of(make_pack()))
    with endpoint(lambda sent: None) as fake:
        narrative = await drafted_narrative(facts, fake.client(deadline_s=0.05))
    assert narrative.sentences == narrative_of_templates(facts).sentences
    assert narrative.unavailable == "no answer within 0.05 s"


async def test_an_endpoint_that_is_not_there_is_left():
    with endpoint(lambda sent: "") as fake:
        client = fake.client()
    narrative = await drafted_narrative(narrative_facts(facts_of(make_pack())), client)
    assert narrative.unavailable == "the endpoint cannot be reached"


def test_without_settings_there_is_no_endpoint():
    assert drafting_endpoint(Settings()) is None
    assert drafting_endpoint(Settings(narrative_url="https://llm.insurer.example/v1", narrative_model="m")) is not None


USERINFO = "ann:anything"
WITH_USERINFO = f"https://{USERINFO}@llm.insurer.example/v1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"narrative_url": "http://llm.insurer.example/v1", "narrative_model": "m"}, "must be HTTPS"),
        (
            {"narrative_url": WITH_USERINFO, "narrative_model": "m"},
            "GINJA_NARRATIVE_KEY",
        ),
        ({"narrative_url": "https://llm.insurer.example/v1"}, "GINJA_NARRATIVE_URL"),
    ],
)
def test_an_endpoint_without_tls_with_a_password_or_without_a_model_is_refused(given: dict[str, str], message: str):
    with pytest.raises(ValidationError, match=message):
        Settings(**given)
