"""The page about templates and routes: its chains compile, and become what it says."""

import itertools

from activities.registry import discover
from api.route_schemas import RouteSagaRequest
from dev.stack import ROOT
from rules.checks.filling import filled
from rules.checks.limits import DEFAULT_LIMITS
from rules.compiler import ChainText, check_chain, compile_chain, compile_route
from tests.docs.test_examples import only

PAGE = ROOT / "docs" / "definitions.md"


def _told(headings: str) -> list[list[str]]:
    """The rows of the table with these headings, as they are without quotes."""
    lines = PAGE.read_text().split(headings)[1].splitlines()[2:]
    table = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table]


COMPONENTS = discover(["activities.components"]).policies
TEMPLATES = {
    name: ChainText(name, text, extends=base or None)
    for name, base, text in _told("| chain | extends | text |")
}
ROUTES = {
    name: ChainText(name, text, route=route)
    for name, route, text in _told("| chain | route | text |")
}


def test_what_the_filled_chains_are() -> None:
    for name, text in _told("| chain | is |"):
        assert filled(name, TEMPLATES, DEFAULT_LIMITS.text).findings.text == text
        compile_chain(name, chains=TEMPLATES, components=COMPONENTS)


def test_templates_are_noted() -> None:
    for name in ("buy", "buyQuietly"):
        found = check_chain(name, chains=TEMPLATES, components=COMPONENTS)
        assert {one.severity for one in found} == {"info"}


def test_the_routes_compile() -> None:
    for name in ROUTES:
        compile_chain(name, chains=ROUTES, components=COMPONENTS)
        compile_route(name, chains=ROUTES, components=COMPONENTS)


def test_the_request_can_be_sent() -> None:
    RouteSagaRequest.model_validate_json(only(PAGE, "json").text)
