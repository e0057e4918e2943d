"""The people of the demo: users with a second factor, at the console."""

from dataclasses import dataclass
from typing import Final

from cli.database import field_keys, with_database
from cli.demo.case.browser import ConsoleBrowser, ServerTime
from cli.demo.case.pages import DemoPageError

CONSOLE: Final = "/console"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A user of the demo."""

    name: str
    role: str
    login: str


INVESTIGATOR: Final = DemoPerson("Ines Adeyemi", "investigator", "ines@insurer.example")
LEAD: Final = DemoPerson("Louis Berger", "lead_investigator", "louis@insurer.example")
SECOND_LEAD: Final = DemoPerson("Sara Chen", "lead_investigator", "sara@insurer.example")


def create_user(person: DemoPerson, password: str) -> None:
    """Create the user, as `ginja users create` does."""
    from api.identity import Caller
    from api.users import PasswordHasher, UserIn, Users

    operator, keys = Caller("command line", "operator", None, "ginja demo"), field_keys()
    sent = UserIn.model_validate({"login": person.login, "display_name": person.name, "role": person.role})
    with_database(lambda database: Users(database, keys, PasswordHasher()).create(operator, sent, password))


def set_up_second_factor(browser: ConsoleBrowser, person: DemoPerson, password: str) -> str:
    """Set up an authenticator app in the browser; returns a recovery code, which stands in for a code once."""
    import pyotp

    proof = {"login": person.login, "password": password}
    browser.open(CONSOLE)
    browser.follow("Set up a second factor")
    secrets = browser.submit("Continue", proof).texts("code", "secret")
    if len(secrets) != 1:
        raise DemoPageError(f"{browser.page.url} shows no secret of an authenticator app")
    done = browser.submit("Confirm", {**proof, "code": pyotp.TOTP(secrets[0]).now()})
    return done.texts("code")[0]


def sign_in(api: str, taken: ServerTime, person: DemoPerson, password: str) -> ConsoleBrowser:
    """A browser in which the person is signed in; clicks are counted from the sign-in."""
    browser = ConsoleBrowser(api, taken)
    code = set_up_second_factor(browser, person, password)
    browser.follow("Sign in")
    browser.clicks = 0
    browser.submit("Sign in", {"login": person.login, "password": password, "code": code}, having={"login": ""})
    return browser
