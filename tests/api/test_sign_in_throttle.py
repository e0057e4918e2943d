"""Guessing is slowed down, and the owner of a login is not locked out."""

import asyncio
from datetime import timedelta

from api.users.throttle import FORGOTTEN_AFTER, FREE_FAILURES, FREE_FAILURES_OF_ADDRESS, LONGEST_WAIT
from core import clock
from tests.api.makers import Api
from tests.api.signing_in import PASSWORD, client_from, person, send

WRONG = "not the password of anybody"


async def guess(api: Api, login: str, address: str, password: str = WRONG) -> tuple[int, int | None]:
    """Status and seconds to wait."""
    async with client_from(api, address) as client:
        response = await send(api, "token", client, login=login, password=password)
    wait = response.headers.get("retry-after")
    if wait is not None:
        assert response.json()["retry_after_s"] == int(wait)
    return response.status_code, None if wait is None else int(wait)


async def test_each_further_failure_doubles_the_wait_for_known_and_unknown_logins_alike(api: Api):
    known = (await person(api)).login
    waits: dict[str, list[tuple[int, int | None]]] = {}
    for login in (known, "nobody@insurer.example"):
        at, found = clock.now(), []
        for number in range(FREE_FAILURES + 12):
            with clock.held(at):
                assert await guess(api, login, f"10.0.{number}.1") == (401, None)
                found.append(await guess(api, login, f"10.0.{number}.2") if number >= FREE_FAILURES else (0, 0))
                at += timedelta(seconds=found[-1][1] or 0)
        waits[login] = found
    assert waits[known] == waits["nobody@insurer.example"]
    seconds = [wait for status, wait in waits[known][FREE_FAILURES:] if status == 429]
    longest = int(LONGEST_WAIT.total_seconds())
    assert seconds == [2, 4, 8, 16, 32, 64, 128, 256, 512, longest, longest, longest]


async def test_the_owner_signs_in_from_a_known_place_while_others_guess(api: Api):
    one = await person(api)
    assert (await guess(api, one.login, "10.0.0.1", PASSWORD))[0] == 200
    with clock.held(clock.now()):
        for number in range(FREE_FAILURES + 1):
            assert (await guess(api, one.login, f"10.9.0.{number}"))[0] == 401
        assert (await guess(api, one.login, "10.9.1.1", PASSWORD))[0] == 429
        for number in range(FREE_FAILURES_OF_ADDRESS + 1):  # somebody behind the owner's address, too
            await guess(api, f"nobody{number}@insurer.example", "10.0.0.1")
        assert (await guess(api, "nobody@insurer.example", "10.0.0.1"))[0] == 429
        assert (await guess(api, one.login, "10.0.0.1", PASSWORD))[0] == 200


async def test_a_known_place_is_slowed_down_by_its_own_failures(api: Api):
    one = await person(api)
    with clock.held(clock.now()):
        assert (await guess(api, one.login, "10.0.0.1", PASSWORD))[0] == 200
        for _ in range(FREE_FAILURES + 1):
            assert (await guess(api, one.login, "10.0.0.1"))[0] == 401
        assert await guess(api, one.login, "10.0.0.1", PASSWORD) == (429, 2)


async def test_an_address_that_tries_many_logins_has_to_wait(api: Api):
    with clock.held(clock.now()):
        for number in range(FREE_FAILURES_OF_ADDRESS + 1):
            assert (await guess(api, f"n{number}@insurer.example", "10.0.0.1"))[0] == 401
        assert (await guess(api, "other@insurer.example", "10.0.0.1"))[0] == 429
        assert (await guess(api, "other@insurer.example", "10.0.0.2"))[0] == 401


async def test_a_success_sets_the_counter_back_and_a_day_forgets_it(api: Api):
    one = await person(api)
    at = clock.now()
    with clock.held(at):
        for _ in range(FREE_FAILURES):
            await guess(api, one.login, "10.0.0.1")
        assert (await guess(api, one.login, "10.0.0.1", PASSWORD))[0] == 200
        for _ in range(FREE_FAILURES + 1):
            assert (await guess(api, one.login, "10.0.0.1"))[0] == 401
    with clock.held(at + FORGOTTEN_AFTER):
        for _ in range(FREE_FAILURES + 1):
            assert (await guess(api, one.login, "10.0.0.1"))[0] == 401


async def test_guesses_at_the_same_time_count_before_they_are_checked(api: Api):
    one = await person(api)
    with clock.held(clock.now()):
        answers = await asyncio.gather(*(guess(api, one.login, f"10.0.0.{number}") for number in range(16)))
        checked = [status for status, _ in answers if status == 401]
    assert len(checked) == FREE_FAILURES + 1


async def test_neither_logins_nor_addresses_are_stored_by_the_counters(api: Api):
    one = await person(api)
    await guess(api, one.login, "10.0.0.1")
    await guess(api, one.login, "10.0.0.1", PASSWORD)
    await guess(api, "nobody@insurer.example", "10.0.0.2")
    counters, places = "SELECT c::text FROM sign_in_counters AS c", "SELECT p::text FROM sign_in_places AS p"
    stored = str(api.rows(f"{counters} UNION ALL {places}"))
    assert "insurer" not in stored
    assert "10.0.0" not in stored
