"""What differs between two policy documents."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from claims.policy.document import PolicyDocument


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One value that differs; None: there is none."""

    path: str
    """Such as `parameters.provider.min_claims` or `rules.long_stay`."""
    before: JsonValue
    after: JsonValue


def differences(before: PolicyDocument, after: PolicyDocument) -> tuple[PolicyChange, ...]:
    """What changes from one document to another; rules are compared by name, and their order is one value."""
    return tuple(_changes("", _comparable(before), _comparable(after)))


def _comparable(document: PolicyDocument) -> dict[str, JsonValue]:
    shown = document.as_json()
    shown.pop("rules", None)
    rules: dict[str, JsonValue] = {
        rule.name: rule.model_dump(mode="json", exclude_none=True, exclude={"name"}) for rule in document.rules
    }
    return {**shown, "rules": rules, "rules_order": list(rules)}


def _changes(path: str, before: JsonValue, after: JsonValue) -> Iterator[PolicyChange]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and path.count(".") < 2:
        for key in dict.fromkeys((*before, *after)):
            yield from _changes(f"{path}.{key}" if path else key, before.get(key), after.get(key))
        return
    yield PolicyChange(path, before, after)
