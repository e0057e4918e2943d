"""Claims come to the scorer with the values of the windows that its models use."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from api import metrics
from api.windows import create_indexes
from tests.api.makers import LINES, Api, says_nothing, scores
from tests.api.test_plausibility import scoring
from tests.api.test_rescoring import rescorer

TERMINAL = {
    "terminal.claims_1d": {"key": "terminal", "kind": "claims", "length": "1d"},
    "terminal.amount_mean_ever": {"key": "terminal", "kind": "mean", "column": "amount"},
}
PROVIDER = {"provider.claims_ever": {"key": "provider_id", "kind": "claims"}}


def connected(api: Api) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(api.url, autocommit=True)


async def use(api: Api, windows: dict[str, dict[str, str]]) -> None:
    """Let the scorer use these windows, and the API notice it, with the indexes that the worker creates."""
    api.scorer.windows = windows
    windows_of = api.dependencies.windows
    await windows_of.refresh()
    await windows_of.create_indexes(lambda: connected(api))
    await windows_of.refresh()


async def sent(api: Api, **attributes: Any) -> dict[str, Any]:
    """The attributes that the scorer receives with a new claim."""
    response = await api.submit(LINES | {"attributes": attributes})
    assert response.status_code == 201, response.text
    received: dict[str, Any] = api.scorer.received[-1].document["claim"].get("attributes", {})
    assert response.json()["attributes"] == attributes
    return received


async def test_a_claim_has_the_values_of_its_windows_and_stores_none_of_them(api: Api) -> None:
    await use(api, TERMINAL | PROVIDER)
    first = await sent(api, terminal="T1")
    assert first == {
        "terminal": "T1", "terminal.claims_1d": 0, "terminal.amount_mean_ever": None, "provider.claims_ever": 0
    }  # fmt: skip
    second = await sent(api, terminal="T1")
    assert (second["terminal.claims_1d"], second["provider.claims_ever"]) == (1, 1)
    assert second["terminal.amount_mean_ever"] == pytest.approx(api.rows("SELECT amount_cents FROM claims")[0][0] / 100)
    assert api.rows("SELECT DISTINCT attributes FROM claims") == [({"terminal": "T1"},)]


async def test_a_claim_that_states_no_entity_has_null_and_one_that_is_silent_has_nothing(api: Api) -> None:
    await use(api, TERMINAL)
    assert await sent(api, terminal=None) == {"terminal": None} | dict.fromkeys(TERMINAL)
    assert await sent(api) == {}
    assert await sent(api, terminal=17) == {"terminal": 17}


async def test_a_window_without_its_index_is_not_read(api: Api) -> None:
    api.scorer.windows = TERMINAL | PROVIDER
    await api.dependencies.windows.refresh()
    assert await sent(api, terminal="T1") == {"terminal": "T1", "provider.claims_ever": 0}


async def test_a_client_cannot_state_the_value_of_a_window(api: Api) -> None:
    response = await api.submit(LINES | {"attributes": {"terminal.claims_1d": 9}})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "attributes.terminal.claims_1d"


async def test_windows_stay_while_the_scorer_is_down_and_go_with_its_model(api: Api) -> None:
    await use(api, PROVIDER)
    port, api.dependencies.scorer._pool._port = api.dependencies.scorer._pool._port, 9
    await api.dependencies.windows.refresh()
    api.dependencies.scorer._pool._port = port
    assert await sent(api) == {"provider.claims_ever": 0}
    await use(api, {})
    assert await sent(api) == {}


async def test_a_late_score_has_the_values_as_of_receipt(api: Api) -> None:
    await use(api, PROVIDER)
    api.scorer.behaviour = says_nothing
    late = (await api.submit(LINES)).json()["claim_id"]
    api.scorer.behaviour = scores
    await sent(api)
    await use(api, PROVIDER)
    late_scorer = rescorer(api)
    await late_scorer._windows.refresh()
    await late_scorer.drain()
    received = {one.document["claim"]["claim_id"]: one.document["claim"] for one in api.scorer.received}
    assert received[late]["attributes"] == {"provider.claims_ever": 0}


async def test_a_late_score_waits_for_the_index_of_its_windows(api: Api) -> None:
    api.scorer.behaviour = says_nothing
    late = (await api.submit(LINES | {"attributes": {"terminal": "T1"}})).json()["claim_id"]
    api.scorer.behaviour = scores
    api.scorer.windows = TERMINAL
    waiting = rescorer(api)
    await waiting._windows.refresh()
    assert await waiting.drain() == 0
    assert api.rows("SELECT count(*) FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL") == [(1,)]
    await use(api, TERMINAL)
    await waiting._windows.refresh()
    api.execute("UPDATE outbox SET not_before = NULL")
    assert await waiting.drain() == 1
    received = {one.document["claim"]["claim_id"]: one.document["claim"] for one in api.scorer.received}
    assert received[late]["attributes"]["terminal.claims_1d"] == 0


async def test_a_score_without_windows_that_were_not_known_yet_does_not_count(api: Api) -> None:
    api.scorer.behaviour = says_nothing
    late = (await api.submit(LINES)).json()["claim_id"]
    api.scorer.behaviour = scoring(gain_present=0.1)
    api.scorer.windows = PROVIDER
    waiting = rescorer(api)  # which has not asked the scorer yet
    for asked, sent_with in enumerate((None, {"provider.claims_ever": 0})):
        api.scorer.received.clear()
        assert await waiting.drain() == 0
        (request,) = [claim for one in api.scorer.received if (claim := one.document["claim"])["claim_id"] == late]
        assert request.get("attributes") == sent_with
        counted = api.rows("SELECT count(payload -> 'withheld_by') FROM outbox WHERE topic = 'claim.rescore'")
        assert counted == [(asked,)]
        api.execute("UPDATE outbox SET not_before = NULL")


async def test_claims_of_a_batch_have_the_values_of_their_windows(api: Api) -> None:
    await use(api, PROVIDER)
    await sent(api)
    response = await api.post("/v1/claims:score-batch", {"claims": [LINES | {"claim_id": "b1"}]})
    assert response.status_code == 200, response.text
    assert api.scorer.received[-1].document["requests"][0]["claim"]["attributes"] == {"provider.claims_ever": 1}


async def test_a_claim_whose_windows_take_too_long_is_decided_without_them(api: Api) -> None:
    await use(api, PROVIDER)
    before = metrics.WINDOWS_TIMED_OUT._value.get()
    with psycopg.connect(api.url) as blocking:
        blocking.execute("LOCK TABLE labels IN ACCESS EXCLUSIVE MODE")
        api.scorer.windows = {"p.frauds_ever": {"key": "provider_id", "kind": "frauds"}}
        await api.dependencies.windows.refresh()
        received = await sent(api)
    assert received == {}
    assert metrics.WINDOWS_TIMED_OUT._value.get() == before + 1


@pytest.fixture
def connection(database_url: str) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def test_an_index_whose_creation_was_interrupted_is_created_again(
    connection: "psycopg.Connection[tuple[object, ...]]", database_url: str
) -> None:
    with psycopg.connect(database_url) as writing:
        writing.execute("LOCK TABLE claims IN ROW EXCLUSIVE MODE")  # the creation waits for it
        connection.execute("SET statement_timeout = 100")
        with pytest.raises(QueryCanceled):
            create_indexes(connection, ("terminal",))
    connection.execute("SET statement_timeout = 0")
    assert create_indexes(connection, ("terminal",)) == ["claims_attribute_terminal_idx"]
    assert create_indexes(connection, ("terminal",)) == []
    connection.execute("DROP INDEX claims_attribute_terminal_idx")
    assert create_indexes(connection, ("terminal",)) == ["claims_attribute_terminal_idx"]


def test_one_session_creates_indexes_at_a_time(
    connection: "psycopg.Connection[tuple[object, ...]]", database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(7271020)")
        assert create_indexes(connection, ("terminal",)) == []
