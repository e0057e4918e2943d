"""One invented person is sent through every way in, and is then nowhere in clear that it should not be."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis

from core.settings import Settings
from tests.api.appeals import APPEAL, OVERTURNED, answer, filed
from tests.api.bulk_files import begin, ndjson, send, upload
from tests.api.case_files import added
from tests.api.case_files import content as content_of_file
from tests.api.case_files import send as send_file
from tests.api.cases import opened as opened_case
from tests.api.decisions import DENY, decide, held
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, answering, running_api
from tests.api.rescreening import opened
from tests.api.tasks import ASYNC, carry_out, queued
from tests.api.test_case_files import withdrawn
from tests.api.waiting import until
from tests.formats.fhir_claims import fhir_claim
from tests.formats.x12_files import claim as x12_claim
from tests.formats.x12_files import file_of
from tests.security.sentinels import found_in

NAME, BORN, NUMBER = "Zébulon Quillfeather", "1911-02-13", "912-77-4431"
MAIL, TEXT = "zebulon@quillfeather.example", "xylograph-ocelot-7731"
STAFF, DESK, REASON = "Ottoline Vandersnoot", "desk@vandersnoot.example", "marzipan-quorum-5512"
ATTRIBUTE, ASKED = "tamarind-sextant-0294", "quincunx-8817"
PERSONAL: Final = {
    "name": [NAME, "Quillfeather"],
    "birth date": [BORN, "19110213", "02/13/1911"],
    "number": [NUMBER, "912774431"],
    "mail": [MAIL],
    "text": [TEXT],
    "desk": [DESK],
}
"""Of a member, what is written about one, or an address that is notified: nowhere in clear."""
OTHERS: Final = {"staff": [STAFF], "reason": [REASON], "attribute": [ATTRIBUTE], "asked for": [ASKED]}
"""Of people who work here, reasons of what they do on the platform, values that models use, and ids asked for."""
IN_CLEAR: Final[Mapping[str, set[str]]] = {
    "api_keys.name": {"staff"},
    "users.display_name": {"staff"},
    "audit_log.details": {"asked for"},
    "audit_log.subject_id": {"asked for"},
    "bulk_jobs.failure": {"reason"},
    "webhook_endpoints.description": {"reason"},
    "claims.attributes": {"attribute"},
}
"""Columns with values of `OTHERS`: who works here, the audit log of that and of what somebody asked for, why something
was done on the platform, and the values that models use (`docs/operate/personal-data.md`)."""
LAST = "escutcheon-hemlock-0007"
FHIR, X12 = "application/fhir+json", "application/edi-x12"
MEMBER = {
    "member_id": "M900",
    "name": NAME,
    "birth_date": BORN,
    "sex": "F",
    "plan_id": "PL1",
    "first_day": "2020-01-01",
}
NAMED = MINIMAL | {"member_id": "M900", "attributes": {"referral": ATTRIBUTE}}


def person(number: str) -> dict[str, Any]:
    """A FHIR claim with the person in each element that can have one."""
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": NUMBER}],
        "name": [{"text": NAME, "family": "Quillfeather"}],
        "telecom": [{"system": "email", "value": MAIL}],
        "birthDate": BORN,
    }
    return fhir_claim(
        identifier=[{"system": "urn:clinic", "value": number}],
        patient={"reference": "#p", "identifier": {"value": "M900"}, "display": NAME},
        contained=[patient],
        text={"status": "generated", "div": f"<div>{TEXT}</div>"},
    )


def x12_file(number: str) -> bytes:
    """An 837 with the person as subscriber."""
    text = file_of(x12_claim(number, more=[f"NTE*ADD*{TEXT}", f"REF*EA*{NUMBER}"])).decode("latin-1")
    text = text.replace("NM1*IL*1*ROE*JANE****MI*M123", f"NM1*IL*1*QUILLFEATHER*ZEBULON****MI*M900~\nREF*SY*{NUMBER}")
    text = text.replace("DMG*D8*19800101*F", "DMG*D8*19110213*F")
    lines = len(text[text.index("ST*") : text.index("GE*")].strip().splitlines())
    return re.sub(r"SE\*\d+", f"SE*{lines}", text).encode("latin-1")


class Insurer:
    """The API under test with a worker of its own, and every response that refused something."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.refusals: list[bytes] = []

    async def note(self, response: httpx.Response) -> None:
        """A hook of the client."""
        if response.status_code >= 400:
            await response.aread()
            self.refusals.append(str(response.headers).encode() + response.content)

    async def send(self, path: str, body: Any, expected: int, *, role: str = "admin", **headers: str) -> Any:
        response = await self.api.post(path, body, role=role, **headers)
        assert response.status_code == expected, (path, response.text)
        return response.json() if response.content else None


async def send_members(own: Insurer) -> None:
    await own.send("/v1/members", MEMBER, 201)
    read = await own.api.get("/v1/members/M900")
    assert read.json()["name"] == NAME
    body = {name: value for name, value in MEMBER.items() if name != "member_id"} | {"name": f"{NAME} II"}
    headers = {"If-Match": read.headers["etag"], **own.api.as_("admin")}
    assert (await own.api.client.put("/v1/members/M900", json=body, headers=headers)).status_code == 200


async def send_claims(own: Insurer) -> None:
    api = own.api
    own.api.scorer.behaviour = answering(0.1)
    await own.send("/v1/claims", NAMED, 201, role="claims_system", **{"Idempotency-Key": "k-1"})
    for number, more in (("F-1", {}), ("F-2", ASYNC), ("F-3", ASYNC)):
        await own.send(
            "/v1/fhir/Claim",
            person(number),
            202 if more else 201,
            role="claims_system",
            **{"Content-Type": FHIR},
            **more,
        )
    await own.send("/v1/x12/837", x12_file("X-1"), 200, role="claims_system", **{"Content-Type": X12})
    await queued(api, NAMED)
    assert await carry_out(api, await queued(api, NAMED))
    await upload(api, ndjson(NAMED, NAMED | {"patient": NAME, "born": BORN}, NAMED | {"claim_amount": NAME}))
    await upload(api, x12_file("X-2"), format="x12")
    unfinished = ndjson(NAMED | {"patient": NAME, "note": TEXT})
    job = await begin(api, unfinished)
    await send(api, job["job_id"], 0, unfinished[:-1])


async def send_texts(own: Insurer) -> None:
    """What people write about claims, and why they do something on the platform."""
    api = own.api
    claim_id = await held(api, member_id="M900", claim_amount=3210)
    assert (await decide(api, claim_id, DENY | {"note": TEXT})).status_code == 201
    appeal_id = await filed(api, claim_id, body=APPEAL | {"reason": TEXT})
    assert (await answer(api, appeal_id, OVERTURNED | {"note": TEXT})).status_code == 201
    finding = {"disposition": "confirmed", "kind": "upcoding", "note": TEXT}
    await own.send(f"/v1/claims/{claim_id}/dispositions", finding, 201, role="investigator")
    closing = {"reason": "no_action", "note": TEXT}
    await own.send(f"/v1/rescreening-findings/{opened(api, claim_id)}/close", closing, 200, role="investigator")
    voided = (await api.submit(NAMED | {"claim_amount": 77})).json()["claim_id"]
    await own.send(f"/v1/claims/{voided}/void", {"reason": REASON}, 200, role="claims_system")
    cancelled = (await begin(api, ndjson(NAMED)))["job_id"]
    await own.send(f"/v1/bulk/claims/{cancelled}/cancel", {"reason": REASON}, 200, role="claims_system")


async def send_files(own: Insurer) -> None:
    """Files of a case: their content, name and origin, what is written about them, and one that is refused."""
    api, case = own.api, await opened_case(own.api)
    content = f"{NAME}, born {BORN}, {NUMBER}\n".encode()
    made = await added(api, case.case_id, content, f"{NAME}.txt", obtained_from=f"{NAME}, {MAIL}")
    assert (await content_of_file(api, made)).content == content
    assert (await withdrawn(api, made, TEXT)).status_code == 200
    assert (await send_file(api, case.case_id, content, f"{NAME}.pdf", obtained_on=BORN + NUMBER)).status_code == 422
    assert (await send_file(api, case.case_id, content, f"{NAME}.pdf", obtained_from=MAIL)).status_code == 422


async def send_staff(own: Insurer) -> None:
    """Addresses and names of people who work at the insurer."""
    await own.send("/v1/notification-subscriptions", {"event": "claim.in_review", "recipient": DESK}, 201)
    await own.send("/v1/users", {"login": DESK, "display_name": STAFF, "role": "insurer"}, 201)
    await own.send("/v1/keys", {"name": STAFF, "role": "investigator"}, 201)
    endpoint = {"url": "https://127.0.0.1:9/hook", "events": ["claim.decided"], "description": REASON}
    await own.send("/v1/webhook-endpoints", endpoint, 201)


async def send_what_is_refused(own: Insurer) -> None:
    """Values where none belongs: a refusal names the field and not the value."""
    refused = [
        ("/v1/claims", NAMED | {"patient": NAME, "born": BORN}),
        ("/v1/claims", NAMED | {"member_id": NAME}),
        ("/v1/claims", NAMED | {"claim_amount": NUMBER, "service_from": f"{BORN} {NAME}"}),
        ("/v1/claims", f'{{"member_id": "{NAME}", '.encode()),
        ("/v1/members", MEMBER | {"member_id": "M901", "sex": NAME}),
        ("/v1/members", MEMBER | {"member_id": "M901", "birth_date": f"{BORN} {MAIL}"}),
        ("/v1/members", MEMBER | {"member_id": "M901", "plan_id": NAME}),
        ("/v1/fhir/Claim", person("F-4") | {"item": [{"note": TEXT}]}),
        ("/v1/x12/837", x12_file("X-3").replace(b"HC:P001", TEXT.encode())),
        ("/v1/x12/837", x12_file("X-4")[:-200]),
        ("/v1/score:batch", {"claims": [NAMED | {"patient": NAME}]}),
        ("/v1/authorizations", {"authorization_number": NAME, "member_id": "M900", "note": TEXT}),
        ("/v1/notification-subscriptions", {"event": NAME, "recipient": MAIL + " " + TEXT}),
        ("/v1/users", {"login": "a", "display_name": NAME, "note": TEXT}),
        ("/v1/auth/token", {"login": MAIL, "password": TEXT}),
    ]
    for path, body in refused:
        kind = {"/v1/fhir/Claim": {"Content-Type": FHIR}, "/v1/x12/837": {"Content-Type": X12}}.get(path, {})
        response = await own.api.post(
            path, body, role="admin" if path != "/v1/score:batch" else "claims_system", **kind
        )
        assert response.status_code < 500, (path, response.text)
    for path in (f"/v1/members/{ASKED}", f"/v1/claims/{ASKED}", f"/v1/claims?member_id={ASKED}", f"/v1/x/{TEXT}"):
        await own.api.get(path)


async def fail(own: Insurer) -> None:
    """An error that is reported with its trace."""
    own.api.execute(
        "UPDATE members SET name_sealed = set_byte(name_sealed, 20, get_byte(name_sealed, 20) # 1) "
        "WHERE member_id = 'M900'"
    )
    assert (await own.api.get("/v1/members/M900")).status_code == 500


@contextmanager
def worker(api: Api, valkey: str, home: Path) -> Iterator[Path]:
    """`ginja run worker`, and the file of what it writes."""
    environment = os.environ | {
        "GINJA_DATABASE_URL": api.url,
        "GINJA_REDIS_URL": valkey,
        "GINJA_SCORER_URL": f"http://127.0.0.1:{api.scorer.port}",
        "GINJA_HOME": str(home),
        "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "GINJA_LOG_LEVEL": "DEBUG",
    }
    log = home / "worker.log"
    words = [sys.executable, "-c", "from cli.main import main; main()", "run", "worker"]
    with log.open("wb") as output:
        running = subprocess.Popen(words, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield log
        finally:
            running.send_signal(signal.SIGTERM)
            ended = running.wait(60)
    assert ended == 0, log.read_text()


def waiting_work(api: Api) -> list[str]:
    """What the worker has not done yet: events, uploads, passing tasks to the broker, webhooks, seals."""
    left = {
        "events": "SELECT 1 FROM outbox WHERE done_at IS NULL",
        "uploads": "SELECT 1 FROM bulk_jobs WHERE status IN ('queued', 'running')",
        "tasks": "SELECT 1 FROM tasks WHERE starts_with(kind, 'decide') AND state = 'queued' AND published_at IS NULL",
        "webhooks": "SELECT 1 WHERE NOT EXISTS (SELECT FROM webhook_deliveries)",
        "seals": "SELECT 1 WHERE NOT EXISTS (SELECT FROM audit_seals)",
    }
    return [name for name, query in left.items() if api.rows(query)]


def columns_with(url: str, values: Mapping[str, list[str]]) -> dict[str, set[str]]:
    """By table and column, what is found in the rows: bytes as they are, others as text."""
    found: dict[str, set[str]] = {}
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name), quote_ident(column_name), data_type = 'bytea' "
            "FROM information_schema.columns JOIN pg_tables ON (schemaname, tablename) = (table_schema, table_name) "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for table, column, is_bytes in columns:
            value = column if is_bytes else f"convert_to(({column})::text, 'UTF8')"
            rows = connection.execute(f"SELECT {value} FROM {table} WHERE {column} IS NOT NULL").fetchall()
            here = found_in(b"\n".join(bytes(one) for (one,) in rows), values)
            if here:
                found[f"{table}.{column}".removeprefix("public.")] = here
    return found


def wal_of(home: Path) -> Iterator[bytes]:
    """The write-ahead log of the servers of a home."""
    for folder in home.rglob("pg_wal"):
        for path in sorted(folder.iterdir()):
            if path.is_file():
                yield path.read_bytes()


def contents_of(url: str) -> Iterator[bytes]:
    """Every key and value of Valkey, and the file that it writes of all databases."""
    read: dict[bytes, Any] = {
        b"string": lambda key: client.get(key),
        b"hash": lambda key: client.hgetall(key),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": lambda key: client.smembers(key),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": lambda key: client.xrange(key),
    }
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            yield key
            value = read[client.type(key)](key)
            yield value if isinstance(value, bytes) else repr(value).encode()
        client.config_set("rdbcompression", "no")
        client.save()
        place = client.config_get("dir")["dir"], client.config_get("dbfilename")["dbfilename"]
    yield Path(*place).read_bytes()


def files_of(home: Path) -> Iterator[bytes]:
    for path in sorted(home.rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def found_among(blobs: Iterator[bytes] | list[bytes]) -> set[str]:
    """What is found of everything that was sent."""
    return set().union(*(found_in(one, PERSONAL | OTHERS) for one in blobs))


async def test_nobody_is_found_where_nobody_should_be(
    seeded_url: str, valkey_url: str, server_home: Path, server_settings: Settings, log_lines: Any
) -> None:
    async with running_api(seeded_url, home=server_home) as api:
        own = Insurer(api)
        api.client.event_hooks["response"].append(own.note)
        await send_staff(own)
        await send_members(own)
        await send_claims(own)
        await send_texts(own)
        await send_files(own)
        await send_what_is_refused(own)
        with worker(api, valkey_url, server_home) as log:
            await until(lambda: not waiting_work(api))
        assert columns_with(seeded_url, PERSONAL | OTHERS) == IN_CLEAR
        await fail(own)
        api.execute(f"COMMENT ON TABLE claims IS '{LAST}'")
        await until(lambda: any(LAST.encode() in one for one in wal_of(server_settings.home)), seconds=30)
        found = {
            "write-ahead log": found_among(wal_of(server_settings.home)),
            "Valkey, the online store and the broker": found_among(contents_of(valkey_url)),
            "log of the worker": found_among([log.read_bytes()]),
            "log of the API": found_among([log_lines.getvalue().encode()]),
            "metrics": found_among([(await api.get("/metrics", role="operator")).content]),
            "refusals": found_among(own.refusals),
            "export": found_among([(await api.get("/v1/exports/claims?format=ndjson")).content]),
            "home": found_among(files_of(server_home)),
        }
        assert {place: names & PERSONAL.keys() for place, names in found.items()} == {place: set() for place in found}
        assert found["write-ahead log"] == OTHERS.keys(), "the search finds what is in clear"
        assert log_lines.getvalue().count('"event": "request"') > 40
        assert len(own.refusals) > 15
