"""`ginja demo --case` from start to end, as a user runs it, and what it is made of."""

import json
import os
import random
import subprocess
import sys
import sysconfig
from pathlib import Path

import psutil
import pytest

from benchmarks.narrative_truths import CaseOfFacts
from claims.narrative import VerifiedSentence, narrative_facts, verify
from cli.demo.case.drafts import LIES, false_sentences, sent_facts, true_sentences
from cli.demo.case.investigation import flipped
from cli.demo.case.overpayment import parse_shown
from cli.demo.case.pages import ConsolePage, DemoPageError

KEYS = ["clicks", "server_s", "sentences", "sentences_shown", "lies_planted", "lies_shown", "pack_verified"]
KEYS += ["tamper_found", "sample_lower_bound", "recovered", "demanded", "appeal", "labels", "candidate", "promoted"]
KEYS += ["refused_because", "recomputed", "seconds"]
STEPS = ["people", "lead", "claim", "case", "pack", "pack_verified", "narrative", "sample", "worksheet", "estimate"]
STEPS += ["demand", "received", "decision", "appeal", "policy", "close", "retrain"]

PAGE = """<!doctype html><html><body><main>
<a href="/console/queue">Queue</a> <a href="evidence">Evidence packs</a>
<form method="post" action="/console/cases/cas_1"><input type="hidden" name="act" value="note">
 <select name="kind"><option value="note">Note</option><option value="contact" selected>Contact</option></select>
 <textarea name="text">
kept</textarea>
 <label><input type="radio" name="disposition" value="waste"> Waste</label>
 <button class="primary">Record</button> <button name="act" value="x" formaction="/console/x">Do &amp; go</button>
 <button aria-label="Open a case of Provider H1">Open case</button>
</form>
<table><tr><th>Claim</th></tr><tr><td data-label="Claim"><a href="/c">clm_1</a></td>
<td data-label="Paid">1,234.50</td></tr></table>
<dl><div><dt>Balance</dt><dd>7.00</dd></div></dl>
<p role="alert">Not done: amount is wrong</p>
</main></body></html>"""


def test_a_case_goes_from_a_flagged_claim_to_a_retrained_candidate_and_each_step_is_computed_again(server_home):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GINJA_")}
    ginja = str(Path(sysconfig.get_path("scripts")) / "ginja")
    done = subprocess.run(
        [sys.executable, ginja, "demo", "--case", "--json"],
        env={**environment, "GINJA_HOME": str(server_home), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == KEYS
    assert figures["clicks"] > 30
    assert figures["server_s"] > 0
    assert 0 < figures["sentences_shown"] <= figures["sentences"]
    assert (figures["lies_planted"] >= 1_000, figures["lies_shown"]) == (True, 0)
    assert (figures["pack_verified"], figures["tamper_found"]) == (True, True)
    assert figures["recovered"] == figures["demanded"] > 0
    assert figures["appeal"] == "upheld"
    assert figures["labels"] > 0
    assert figures["candidate"]
    assert figures["promoted"] is (figures["refused_because"] is None)
    assert figures["recomputed"] == {"evidence verify": True, "sample estimate": True, "policy verify": True}
    assert list(figures["seconds"]) == STEPS
    assert "ginja evidence verify" in done.stderr
    left = [one for one in psutil.process_iter(["cmdline"]) if str(server_home) in " ".join(one.info["cmdline"] or [])]
    assert left == []


def facts_sent(seed: int) -> tuple[dict, str]:
    """Facts of a random case, and the lines that a drafting model is sent of them, without placeholders."""
    facts = narrative_facts(CaseOfFacts(random.Random(seed)).facts)
    lines = [
        f"[F{number}] {one.measure.replace('.*', '')}{f' of {one.subject}' if one.subject else ''}: {one.written}"
        for number, one in enumerate(facts.values(), 1)
    ]
    return facts, "\n".join(lines)


def cited(sentence: str, facts: dict) -> str:
    """A sentence with the ids of facts in the place of their numbers."""
    for number, fact_id in enumerate(facts, 1):
        sentence = sentence.replace(f"[F{number}]", f"[{fact_id}]")
    return sentence


@pytest.mark.parametrize("seed", range(4))
def test_every_true_sentence_of_the_endpoint_follows_from_the_facts(seed):
    facts, sent = facts_sent(seed)
    truths = true_sentences(sent_facts(sent))
    assert len(truths) > 30
    for one in truths:
        assert isinstance(verify(cited(one.text, facts), facts), VerifiedSentence), one.text


@pytest.mark.parametrize("kind", LIES, ids=lambda kind: kind.__name__)
def test_each_kind_of_lie_is_made_and_differs_from_what_is_true(kind):
    _, sent = facts_sent(7)
    stated = sent_facts(sent)
    truths = true_sentences(stated)
    made = {kind(one, stated, random.Random(seed)) for seed in range(20) for one in truths} - {None}
    assert made
    assert not made & {one.text for one in truths}


def test_no_lie_is_planted_twice():
    _, sent = facts_sent(7)
    lies = false_sentences(sent_facts(sent), 400, random.Random(1))
    assert len(lies) == len(set(lies)) == 400


def test_a_page_is_read_as_a_person_sees_it():
    page = ConsolePage("http://host/console/cases/cas_1/", PAGE)
    assert page.link("Evidence") == "http://host/console/cases/cas_1/evidence"
    assert page.rows() == [{"Claim": "clm_1", "Paid": "1,234.50"}]
    assert page.facts() == {"Balance": "7.00"}
    form, pressed = page.form("Do", act="note")
    assert form.fields == {"act": "note", "kind": "contact", "text": "kept"}
    assert "disposition" in form.allowed
    assert (pressed.label, pressed.address) == ("Do & go", "http://host/console/x")
    assert page.form("Open a case of Provider H1")[1].label == "Open case"


@pytest.mark.parametrize(("button", "content"), [("Erase", {}), ("Record", {"act": "close"}), ("Record", {"loss": ""})])
def test_what_a_page_does_not_offer_is_refused_with_the_page_and_what_it_says(button, content):
    with pytest.raises(DemoPageError, match=r"http://host/x has no form .*Not done: amount is wrong"):
        ConsolePage("http://host/x", PAGE).form(button, **content)
    with pytest.raises(DemoPageError, match="no link 'Erase'"):
        ConsolePage("http://host/x", PAGE).link("Erase")


@pytest.mark.parametrize(("shown", "cents"), [("1,234.50", 123_450), ("0.00", 0), ("-3.10", -310)])
def test_an_amount_is_read_as_it_is_shown(shown, cents):
    assert parse_shown(shown) == cents


def test_a_forged_pack_differs_in_one_bit_and_is_still_json():
    pack = b'{"billed_cents":1230,"a":1}'
    forged = flipped(pack)
    assert sum((one ^ other).bit_count() for one, other in zip(pack, forged, strict=True)) == 1
    assert json.loads(forged)["billed_cents"] == 1231
