"""What a page of another site, or a text of another user, can do with a browser that is signed in to the console."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx

from benchmarks.security.attempts import AttackClass, Attempt
from benchmarks.security.scene import HOSTILE_NAME, AttackScene

PAGES: Final = (
    *("/console/", "/console/reviews", "/console/in-review", "/console/appeals", "/console/rescreening"),
    *("/console/dead-letters", "/console/tasks", "/console/sign-in", "/docs/problems"),
)
_FOREIGN: Final[dict[str, Mapping[str, str]]] = {
    "another origin": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another origin without Sec-Fetch": {"Origin": "https://evil.example"},
    "a sibling site": {"Origin": "https://a.claims.example", "Sec-Fetch-Site": "same-site"},
    "an opaque origin": {"Origin": "null"},
    "neither": {},
    "a port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
}


@contextmanager
def signed_in(
    scene: AttackScene, cookies: Mapping[str, str] | None = None
) -> Iterator[tuple[httpx.Client, httpx.Response]]:
    """A browser that signed in with an investigator's key, perhaps with cookies that it had before."""
    base = f"http://127.0.0.1:{scene.port}"
    with httpx.Client(base_url=base, timeout=30.0, cookies=dict(cookies or {})) as browser:
        form = {"api_key": scene.keys["investigator"], "next": "/console"}
        page = browser.get("/console/sign-in").text
        own = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
        answer = browser.post("/console/sign-in", data=form | hidden_fields(page), headers=own)
        # Its jar keeps a `Secure` cookie from loopback addresses, to which browsers send it.
        browser.headers["Cookie"] = "=".join(_token(browser))
        browser.cookies.clear()
        yield browser, answer


def hidden_fields(page: str) -> dict[str, str]:
    """Names and values of the hidden inputs of a page, such as the token of its forms."""
    inputs = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page)
    pairs = ((re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs)
    return {name.group(1): value.group(1) for name, value in pairs if name and value}


def forgery(scene: AttackScene) -> Iterator[Attempt]:
    """Forms that another site sends with the cookie of the console."""
    claim = scene.foreign["claim_id"]
    forms = {
        f"/console/claims/{claim}/finding": {"disposition": "confirmed", "note": "forged"},
        f"/console/claims/{claim}/decision": {"action": "release", "reason": "supported", "expected_version": "1"},
        "/console/sign-out": {},
    }
    with signed_in(scene) as (browser, _):
        for path, form in forms.items():
            for name, headers in _FOREIGN.items():
                answer = browser.post(path, data=form, headers=dict(headers))
                yield Attempt(
                    AttackClass.FORGERY,
                    f"{path.rpartition('/')[2]} from {name}",
                    answer.status_code == 403,
                    str(answer.status_code),
                )
        for method in ("GET", "HEAD"):
            answer = browser.request(method, "/console/sign-out")
            still = browser.get("/console/").status_code == 200
            yield Attempt(AttackClass.FORGERY, f"{method} changes something", still, str(answer.status_code))
        name, token = _token(browser)
    answer = scene.send("POST", "/v1/claims", json=scene.own, headers={"Cookie": f"{name}={token}"})
    yield Attempt(
        AttackClass.FORGERY, "the console's cookie at the API", answer.status_code == 401, str(answer.status_code)
    )
    origin = scene.send("GET", "/v1/claims?limit=1", "claims_system", headers={"Origin": "https://evil.example"})
    shared = origin.headers.get("access-control-allow-origin")
    yield Attempt(AttackClass.FORGERY, "another origin reads the API", shared is None, str(shared))


def fixation(scene: AttackScene) -> Iterator[Attempt]:
    """A session that the attacker chose before its victim signed in, or that was ended."""
    with signed_in(scene, {"ginja_console": "chosen"}) as (browser, answered):
        name, token = _token(browser)
        yield Attempt(AttackClass.FIXATION, "a chosen token", bool(token) and token != "chosen", str(token))
        sent = answered.headers.get("set-cookie", "").lower()
        for attribute in ("httponly", "samesite"):
            yield Attempt(AttackClass.FIXATION, f"cookie {attribute}", attribute in sent, sent)
        with signed_in(scene) as (again, _):
            yield Attempt(AttackClass.FIXATION, "one token twice", _token(again)[1] != token, str(token))
        home = browser.get("/console/")
        yield Attempt(AttackClass.FIXATION, "a session is needed", home.status_code == 200, str(home.status_code))
        page = home.text
        own = {"Origin": f"http://127.0.0.1:{scene.port}", "Sec-Fetch-Site": "same-origin"}
        browser.post("/console/sign-out", data=hidden_fields(page), headers=own)
    answer = scene.send("GET", "/console/", headers={"Cookie": f"{name}={token}"})
    yield Attempt(AttackClass.FIXATION, "a token after signing out", answer.status_code != 200, str(answer.status_code))
    answer = scene.send("GET", f"/console/?{name}={token}")
    yield Attempt(AttackClass.FIXATION, "a token in the address", answer.status_code != 200, str(answer.status_code))
    for target in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/console//evil.example",
        "javascript:alert(1)",
    ):
        base = f"http://127.0.0.1:{scene.port}"
        page = scene.send("GET", "/console/sign-in").text
        form = hidden_fields(page) | {"api_key": scene.keys["investigator"], "next": target}
        answer = scene.send(
            "POST", "/console/sign-in", data=form, headers={"Origin": base, "Sec-Fetch-Site": "same-origin"}
        )
        location = answer.headers.get("location", "")
        yield Attempt(AttackClass.FIXATION, f"redirected to {target}", location == "/console", location)


def embedding(scene: AttackScene) -> Iterator[Attempt]:
    """Every page: not in a frame, no script or style but its own, no other reading of its type."""
    with signed_in(scene) as (browser, _):
        for path in (*PAGES, f"/console/claims/{scene.foreign['claim_id']}", "/openapi.json", "/v1/claims"):
            headers = browser.get(path).headers
            policy = headers.get("content-security-policy", "")
            if "html" in headers.get("content-type", ""):
                yield Attempt(AttackClass.EMBEDDING, f"{path} in a frame", "frame-ancestors 'none'" in policy, policy)
                loose = "unsafe" in policy or "*" in policy or "default-src" not in policy
                yield Attempt(AttackClass.SCRIPTS, f"{path} policy", not loose, policy)
            nosniff = headers.get("x-content-type-options", "")
            yield Attempt(AttackClass.EMBEDDING, f"{path} sniffed", nosniff == "nosniff", nosniff)


def scripts(scene: AttackScene) -> Iterator[Attempt]:
    """Stored and reflected texts, on the pages that show them."""
    claim = scene.foreign["claim_id"]
    note = {"disposition": "under_review", "note": HOSTILE_NAME}
    scene.send("POST", f"/v1/claims/{claim}/dispositions", "investigator", json=note)
    appeal = {"appellant": "provider", "reason": HOSTILE_NAME}
    scene.send("POST", f"/v1/claims/{claim}/appeals", "admin", json=appeal)
    with signed_in(scene) as (browser, _):
        for path in (*PAGES, f"/console/claims/{claim}"):
            for query in ("", f"?next={HOSTILE_NAME}", f"?after={HOSTILE_NAME}", f"?week={HOSTILE_NAME}"):
                text = browser.get(path + query).text
                found = "<svg/onload" in text or "<script>alert" in text
                yield Attempt(AttackClass.SCRIPTS, path + query[:6], not found, "the text is part of the page's markup")
        inline = re.findall(
            r"<script(?![^>]*\b(?:src|type=\"application/json\"))[^>]*>|\son\w+=\"|style=\"",
            browser.get(f"/console/claims/{claim}").text,
        )
        yield Attempt(AttackClass.SCRIPTS, "inline script or style", not inline, str(inline[:3]))
    answer = scene.send("GET", f"/v1/members/{scene.foreign['member_id']}", "admin")
    media = answer.headers.get("content-type", "")
    yield Attempt(AttackClass.SCRIPTS, "a hostile name in JSON", media.startswith("application/json"), media)


def _token(browser: httpx.Client) -> tuple[str, str]:
    """Name and value of the session's cookie."""
    kept = browser.headers.get("cookie", "").partition("=")
    if kept[2]:
        return kept[0], kept[2]
    found = [(one.name, one.value or "") for one in browser.cookies.jar if one.value != "chosen"]
    return found[0] if found else ("ginja_console", "")
