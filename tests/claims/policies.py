"""Policy documents for tests."""

import json
from typing import Any

from hypothesis import strategies as st

from claims.policy import FIELDS, FieldKind, PolicyDocument, PolicyFacts, PolicyInForce, read_document

LONG_STAY: dict[str, Any] = {
    "name": "long_stay",
    "when": {"field": "service_days", "operator": "gt", "value": 14},
    "then": {"review": True},
    "reason": "Stays over two weeks are reviewed.",
}
CODES = ("units_over_limit", "possible_duplicate", "price_implausible", "provider_without_history")


def make_document(*rules: dict[str, Any], **changes: Any) -> PolicyDocument:
    """A document valid from 2026, with some rules."""
    return read_document({"title": "Test", "valid_from": "2026-01-01", "rules": list(rules)} | changes)


def make_long(size: int) -> dict[str, Any]:
    """A document without parameters that has so many bytes as JSON with all of them."""
    document: dict[str, Any] = {"title": "x", "valid_from": "2026-01-01", "rules": []}
    added = len(json.dumps(make_document(title="x").as_json())) - len(json.dumps(document))
    texts: list[str] = []
    while len(json.dumps(document)) + added + 104 <= size:
        if len(texts) % 400 == 0:
            texts = []
            when = {"field": "provider_id", "operator": "in", "value": texts}
            document["rules"].append(LONG_STAY | {"name": f"r{len(document['rules'])}", "when": when})
        texts.append(f"{len(texts):0100d}")
    document["title"] = "x" * (1 + size - len(json.dumps(document)) - added)
    return document


def make_policy(*rules: dict[str, Any], **changes: Any) -> PolicyInForce:
    """Version 3, with some rules."""
    return PolicyInForce(3, make_document(*rules, **changes), 5)


def make_facts(**changes: Any) -> PolicyFacts:
    """Facts of a claim without findings and score."""
    facts: dict[str, Any] = {
        "amount_cents": 50_00,
        "units": 1,
        "lines": 1,
        "diagnoses": 1,
        "procedure_code": "P001",
        "diagnosis_code": "D001",
        "place_of_service": None,
        "service_days": 1,
        "receipt_delay_days": 0,
        "age_years": 40,
        "benefit_limit_cents": None,
        "provider_id": "H1",
        "specialty": "cardiology",
        "region": "north",
        "findings": frozenset(),
        "probability": None,
        "model_flagged": None,
        "rule_flagged": False,
    }
    return PolicyFacts(**facts | changes)


_TEXTS = st.sampled_from(["P001", "P002", "D001", "H1", "H2", "cardiology", "north", "11"])
_NUMBERS = st.integers(0, 20) | st.integers(0, 20_000_00)
_OF_KIND = {
    FieldKind.NUMBER: st.one_of(
        st.tuples(st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), _NUMBERS),
        st.tuples(st.sampled_from(["in", "not_in"]), st.lists(_NUMBERS, min_size=1, max_size=4)),
        st.tuples(st.just("missing"), st.booleans()),
    ),
    FieldKind.SHARE: st.one_of(
        st.tuples(st.sampled_from(["lt", "le", "gt", "ge"]), st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        st.tuples(st.just("missing"), st.booleans()),
    ),
    FieldKind.TEXT: st.one_of(
        st.tuples(st.sampled_from(["eq", "ne"]), _TEXTS),
        st.tuples(st.sampled_from(["in", "not_in"]), st.lists(_TEXTS, min_size=1, max_size=4)),
        st.tuples(st.just("missing"), st.booleans()),
    ),
    FieldKind.FLAG: st.tuples(st.sampled_from(["eq", "missing"]), st.booleans()),
    FieldKind.CODES: st.tuples(st.sampled_from(["contains", "not_contains"]), st.sampled_from(CODES)),
}
comparisons = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: _OF_KIND[FIELDS[name].kind].map(lambda asked: {"field": name, "operator": asked[0], "value": asked[1]})
)


def _joined(parts: Any) -> Any:
    return st.builds(
        lambda how, of: {how: of}, st.sampled_from(["all", "any"]), st.lists(parts, min_size=1, max_size=3)
    )


conditions = comparisons | _joined(comparisons | _joined(comparisons))
effects = st.one_of(
    st.just({"review": True}),
    st.builds(
        lambda cap, cents: {cap: cents},
        st.sampled_from(["auto_approval_cap_cents", "rule_approval_cap_cents"]),
        st.integers(0, 20_000_00),
    ),
)
rules = st.lists(st.tuples(conditions, effects), max_size=5).map(
    lambda made: [{"name": f"r{at}", "when": when, "then": then, "reason": "x"} for at, (when, then) in enumerate(made)]
)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "auto_approval_cap_cents": st.integers(0, 20_000_00),
        "rule_approval_cap_cents": st.integers(0, 2_000_00),
        "complete_gain_present": st.floats(0, 1),
        "units_factor": st.floats(1, 10),
        "min_provider_claims": st.integers(0, 50),
    },
)
documents = st.builds(lambda made, given: make_document(*made, parameters=given), rules, parameters)
"""Arbitrary valid documents."""
policies = documents.map(lambda document: PolicyInForce(3, document, 5))
_optional_texts = st.none() | _TEXTS
facts = st.builds(
    make_facts,
    amount_cents=st.integers(1, 20_000_00),
    units=st.integers(1, 20),
    service_days=st.integers(1, 20),
    receipt_delay_days=st.integers(0, 20),
    age_years=st.none() | st.integers(0, 20),
    benefit_limit_cents=st.none() | st.integers(0, 20_000_00),
    procedure_code=_optional_texts,
    diagnosis_code=_optional_texts,
    place_of_service=_optional_texts,
    provider_id=_optional_texts,
    specialty=_optional_texts,
    region=_optional_texts,
    findings=st.frozensets(st.sampled_from(CODES)),
    probability=st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]),
    model_flagged=st.none() | st.booleans(),
    rule_flagged=st.none() | st.booleans(),
)
