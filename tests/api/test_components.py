"""Component metadata over HTTP: what holds and why, editing it, and what is no edit."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import update

from activities.registry import discover
from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.metadata import MetadataRepository
from rules.source.tables import saga_component_metadata
from settings import Settings
from tests.api.letter_place import letter_place
from tests.api.sites import BOOK, Api, Place, environment_of, only, open_api, taken_away

COMPONENTS: Final = "/api/components"
REFUSED: Final[dict[str, Any]] = {**BOOK, "faults": {"pay": "refuse"}}
INVALID: Final = "REQUEST_INVALID"
UNFIT: Final = "METADATA_INVALID"


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = letter_place(tmp_path_factory.mktemp("place"), temporal_server.address)
    with environment_of(place):
        yield place


@pytest.fixture
async def api(place: Place) -> AsyncIterator[Api]:
    """An API whose components nobody has edited, at the end of a test too."""
    async with open_api(place.settings) as api:
        yield api
        for tenant in ("0", "1", "acme"):
            for item in (await api.json(COMPONENTS, tenant))["items"]:
                if item["changes"]:
                    await revert(api, item["component"], tenant, item["version"])


async def put(
    api: Api, component: str, tenant: str = "1", version: int | None = None, **changes: object
) -> httpx2.Response:
    """Edit, at the version of now if none is given."""
    if version is None:
        version = (await read(api, component, tenant))["version"]
    return await api.http.put(
        f"{COMPONENTS}/{component}/metadata",
        json={"version": version, "operator": "ann", **changes},
        headers={"X-Tenant-Id": tenant},
    )


async def revert(api: Api, component: str, tenant: str, version: int) -> httpx2.Response:
    return await api.http.delete(
        f"{COMPONENTS}/{component}/metadata",
        params={"version": version, "operator": "bob"},
        headers={"X-Tenant-Id": tenant},
    )


async def read(api: Api, component: str, tenant: str = "1") -> Any:
    return await api.json(f"{COMPONENTS}/{component}/metadata", tenant)


async def attempts(api: Api, tenant: str = "1") -> int:
    """How often a `pay` that refuses is called, in memory."""
    answer = await api.http.post("/api/execute/free", json=REFUSED, headers={"X-Tenant-Id": tenant})
    stack = {e["component"]: e for e in answer.json()["execution"]["stack"]}
    return int(stack["pay"]["attempts"])


def tries(number: int) -> dict[str, Any]:
    return {"retry": {"attempts": number, "interval": 0.01}}


SOURCES = [
    ("pay", "refund", "declared"),
    ("stampLetter", "undoStampLetter", "inferred"),
    ("refuseLetter", None, None),
    ("isLetter", None, None),
]


@pytest.mark.parametrize(("component", "compensate", "source"), SOURCES)
async def test_where_a_compensation_comes_from(
    api: Api, component: str, compensate: str | None, source: str | None
) -> None:
    found = await read(api, component)
    assert only(found, "component", "tenant", "compensate", "compensation_source") == {
        "component": component,
        "tenant": "1",
        "compensate": compensate,
        "compensation_source": source,
    }
    assert set(found["sources"].values()) == {"code"}
    assert only(found, "changes", "gone_since", "problem") == {
        "changes": {},
        "gone_since": None,
        "problem": None,
    }


async def test_the_list_has_every_component_by_id(api: Api) -> None:
    await put(api, "pay", timeout=9)
    found = await api.json(COMPONENTS)
    ids = [item["component"] for item in found["items"]]
    assert ids == sorted(ids)
    assert {"pay", "stampLetter", "gate"} <= set(ids)
    assert found["items"][ids.index("pay")] == await read(api, "pay")
    assert found["gone"] == {}


async def test_what_no_worker_knows_any_more_is_remembered(api: Api, place: Place) -> None:
    """The API may know it still, or neither."""
    registry = discover(place.settings.components)
    fewer = {id: policy for id, policy in registry.policies.items() if id != "shredOrder"}
    engine = create_engine_for(place.settings.database_url, "tests")
    repository = MetadataRepository(engine, place.settings.application)
    repository.scan(registry.policies, registry.inferred)
    repository.scan(fewer, registry.inferred)
    assert (await read(api, "shredOrder"))["gone_since"]
    assert (await read(api, "pay"))["gone_since"] is None
    async with open_api(without_letters(place)) as other:
        gone = (await other.json(COMPONENTS))["gone"]
    assert (gone["sealLetter"], bool(gone["shredOrder"])) == (None, True)
    repository.scan(registry.policies, registry.inferred)
    assert (await read(api, "shredOrder"))["gone_since"] is None
    engine.dispose()


def without_letters(place: Place) -> Settings:
    components = tuple(c for c in place.settings.components if "letters" not in c)
    return place.settings.model_copy(update={"components": components})


async def test_an_edit_holds_from_the_next_freeze_on(api: Api) -> None:
    assert await attempts(api) == 1
    before = (await read(api, "pay"))["version"]
    answer = await put(api, "pay", version=before, timeout=9, **tries(2))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found == await read(api, "pay")
    assert only(found, "timeout", "compensate", "version", "edited_by") == {
        "timeout": 9,
        "compensate": "refund",
        "version": before + 1,
        "edited_by": "ann",
    }
    assert found["retry"]["attempts"] == 2
    assert found["changes"].keys() == {"timeout", "retry"}
    assert found["sources"] == {
        "compensate": "code",
        "compensate_when": "code",
        "retry": "tenant",
        "timeout": "tenant",
        "on_failure": "code",
    }
    assert found["edited_at"]
    assert await attempts(api) == 2
    assert await attempts(api, "acme") == 1, "another tenant's policy is its own"


async def test_what_is_read_can_be_sent_again(api: Api) -> None:
    changes: dict[str, Any] = {
        "compensate": None,
        "on_failure": {"strategy": "IGNORE"},
        "timeout": 0.1,
    }
    first = (await put(api, "pay", **changes)).json()
    again = await put(api, "pay", version=first["version"], **first["changes"])
    assert (again.status_code, again.json()) == (200, first)


async def test_the_same_again_changes_nothing(api: Api) -> None:
    version = (await read(api, "pay"))["version"]
    first = await put(api, "pay", version=version, timeout=9)
    repeated = await put(api, "pay", version=version, timeout=9)
    assert (repeated.status_code, repeated.json()) == (200, first.json())


async def test_an_edit_replaces_the_one_before(api: Api) -> None:
    await put(api, "pay", timeout=9, compensate=None)
    found = (await put(api, "pay", compensate_when="always")).json()
    assert found["changes"] == {"compensate_when": "always"}
    assert only(found, "timeout", "compensate", "compensation_source") == {
        "timeout": 4,
        "compensate": "refund",
        "compensation_source": "declared",
    }


async def test_none_is_an_edit_of_the_compensation_alone(api: Api) -> None:
    found = (await put(api, "pay", compensate=None, timeout=None, retry=None)).json()
    assert found["changes"] == {"compensate": None}
    assert (found["compensate"], found["compensation_source"]) == (None, "edited")


async def test_a_tenant_goes_before_the_default(api: Api) -> None:
    await put(api, "pay", "0", timeout=9, **tries(2))
    assert [await attempts(api, tenant) for tenant in ("1", "acme")] == [2, 2]
    await put(api, "pay", "acme", **tries(3))
    assert [await attempts(api, tenant) for tenant in ("1", "acme")] == [2, 3]
    found = await read(api, "pay", "acme")
    assert (found["timeout"], found["retry"]["attempts"]) == (9, 3)
    assert (found["sources"]["timeout"], found["sources"]["retry"]) == ("default", "tenant")
    assert (await read(api, "pay", "0"))["sources"]["retry"] == "default"


async def test_giving_an_edit_up_goes_back_to_the_default(api: Api) -> None:
    await put(api, "pay", "0", **tries(2))
    version = (await put(api, "pay", "acme", **tries(3))).json()["version"]
    stale = await revert(api, "pay", "acme", version - 1)
    assert (stale.status_code, stale.json()["code"]) == (409, "METADATA_STALE")
    answer = await revert(api, "pay", "acme", version)
    assert answer.status_code == 200
    found = answer.json()
    assert only(found, "changes", "version", "edited_by") == {
        "changes": {},
        "version": version + 1,
        "edited_by": "bob",
    }
    assert (found["retry"]["attempts"], await attempts(api, "acme")) == (2, 2)
    again = await revert(api, "pay", "acme", version)
    assert (again.status_code, again.json()) == (200, found), "nothing is left to give up"


async def test_a_stale_edit_is_refused_with_the_version_of_now(api: Api) -> None:
    version = (await read(api, "pay"))["version"]
    await put(api, "pay", version=version, timeout=9)
    answer = await put(api, "pay", version=version, timeout=8)
    assert (answer.status_code, answer.json()["code"]) == (409, "METADATA_STALE")
    assert answer.json()["details"] == {
        "component": "pay",
        "version": version + 1,
        "edited_by": "ann",
    }
    assert "read it again" in answer.json()["message"]
    assert (await read(api, "pay"))["timeout"] == 9


async def test_of_two_editors_at_once_one_wins(api: Api, place: Place) -> None:
    version = (await read(api, "pay"))["version"]
    async with open_api(place.settings) as other:
        answers = await asyncio.gather(
            *(
                put(which, "pay", version=version, timeout=10 + i)
                for i, which in enumerate((api, other) * 4)
            )
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 7
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await read(api, "pay") == won


# What is sent -> code, and words of the message: the field, and what to do about it.
WRONG: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    ("no such compensation", "pay", {"compensate": "refnd"}, UNFIT, ["'compensate'", "'refund'?"]),
    ("nothing like it", "pay", {"compensate": "zzz"}, UNFIT, ["'compensate'", "null for none"]),
    ("itself", "pay", {"compensate": "pay"}, UNFIT, ["'compensate'", "name another one"]),
    (
        "of a read-only one",
        "refuseLetter",
        {"compensate": "refund"},
        UNFIT,
        ["'compensate'", "read-only", "leave this out"],
    ),
    (
        "a condition that ignores",
        "isLetter",
        {"on_failure": {"strategy": "IGNORE"}},
        UNFIT,
        ["'on_failure'", "another strategy than IGNORE"],
    ),
    ("hours of attempts", "pay", {"timeout": 1e12}, UNFIT, ["'timeout'", "at most 2.592e+06"]),
    (
        "an attempt a second",
        "pay",
        {"retry": {"attempts": 10**9}},
        UNFIT,
        ["'retry.attempts'", "at most 10000"],
    ),
    ("no time", "pay", {"timeout": 0}, INVALID, ["body.timeout", "greater than 0"]),
    ("no attempt", "pay", {"retry": {"attempts": 0}}, INVALID, ["body.retry.attempts", "1"]),
    ("a typo", "pay", {"retry": {"attemps": 2}}, INVALID, ["body.retry.attemps", "not permitted"]),
    ("a word", "pay", {"timeout": "soon"}, INVALID, ["body.timeout", "number"]),
    (
        "no such strategy",
        "pay",
        {"on_failure": {"strategy": "HOPE"}},
        INVALID,
        ["body.on_failure.strategy", "'COMPENSATE'"],
    ),
    (
        "no such moment",
        "pay",
        {"compensate_when": "never"},
        INVALID,
        ["body.compensate_when", "'always'"],
    ),
    ("unknown field", "pay", {"colour": "red"}, INVALID, ["body.colour", "not permitted"]),
    ("no version", "pay", {"version": None}, INVALID, ["body.version", "integer"]),
    ("a negative version", "pay", {"version": -1}, INVALID, ["body.version", "0"]),
    ("nobody", "pay", {"operator": ""}, INVALID, ["body.operator", "1 character"]),
    *(
        (
            f"{field} is the code's",
            "pay",
            {field: value},
            INVALID,
            [f"'{field}'", "code declares", "can be changed: compensate, compensate_when, retry"],
        )
        for field, value in (("read_only", True), ("kind", "boolean"), ("lost_attempts", 9))
    ),
]


@pytest.mark.parametrize(
    ("component", "sent", "code", "words"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG]
)
async def test_what_is_no_edit(
    api: Api, component: str, sent: dict[str, Any], code: str, words: list[str]
) -> None:
    before = await read(api, component)
    answer = await api.http.put(
        f"{COMPONENTS}/{component}/metadata",
        json={"version": before["version"], **sent},
        headers={"X-Tenant-Id": "1"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    message = answer.json()["message"]
    assert [word for word in words if word not in message] == [], message
    if code == UNFIT:
        assert answer.json()["details"]["field"] in words[0]
    assert await read(api, component) == before


async def test_the_example_of_the_description_is_an_edit(api: Api) -> None:
    described = await api.json("/openapi.json")
    (example,) = described["components"]["schemas"]["MetadataEdit"]["examples"]
    del example["version"], example["operator"]
    answer = await put(api, "pay", **example)
    assert answer.status_code == 200, answer.text
    assert answer.json()["changes"].keys() == example.keys()


async def test_what_is_no_number_is_refused(api: Api) -> None:
    answer = await api.http.put(
        f"{COMPONENTS}/pay/metadata",
        content=b'{"version": 0, "timeout": Infinity}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, INVALID)
    assert "JSON" in answer.json()["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_component_is_named_with_its_neighbour(api: Api, method: str) -> None:
    path = f"{COMPONENTS}/refnd/metadata?version=0"
    answer = await api.http.request(method, path, json={"version": 0} if method == "PUT" else None)
    assert (answer.status_code, answer.json()["code"]) == (404, "COMPONENT_UNKNOWN")
    assert answer.json()["details"] == {"component": "refnd", "did_you_mean": "refund"}


async def test_the_last_known_edits_serve_while_the_database_is_away(
    api: Api, place: Place
) -> None:
    await put(api, "pay", **tries(3))
    with taken_away(place):
        for answer in (
            await api.get(COMPONENTS),
            await api.get(f"{COMPONENTS}/pay/metadata"),
            await put(api, "pay", version=7, timeout=9),
            await revert(api, "pay", "1", 7),
        ):
            said = (answer.status_code, answer.json()["code"])
            assert said == (503, "DATABASE_UNAVAILABLE")
        assert await attempts(api) == 3
    assert (await put(api, "pay", **tries(2))).status_code == 200
    assert await attempts(api) == 2


async def test_a_row_that_cannot_be_read_is_shown_and_starts_nothing(
    api: Api, place: Place
) -> None:
    version = (await put(api, "pay", "acme", timeout=9)).json()["version"]
    engine = create_engine_for(place.settings.database_url, "tests")
    with engine.begin() as connection:
        connection.execute(
            update(saga_component_metadata)
            .where(saga_component_metadata.c.tenant_id == "acme")
            .values(timeout_seconds=-1.0)
        )
    engine.dispose()
    async with open_api(place.settings) as later:
        assert "cannot be read" in (await read(later, "pay", "acme"))["problem"]
        answer = await later.execute("free", BOOK, "acme")
        assert (answer.status_code, answer.json()["code"]) == (422, UNFIT)
        assert (await revert(later, "pay", "acme", version)).json()["problem"] is None
        assert await attempts(later, "acme") == 1


async def test_an_edit_that_no_longer_fits_is_shown_and_starts_nothing(
    api: Api, place: Place
) -> None:
    """A component was taken out of the code that an edit names."""
    await put(api, "pay", "acme", compensate="shredOrder")
    async with open_api(without_letters(place)) as later:
        found = await read(later, "pay", "acme")
        assert "no component 'shredOrder' is registered" in found["problem"]
        answer = await later.execute("free", BOOK, "acme")
        assert (answer.status_code, answer.json()["code"]) == (422, UNFIT)
        assert answer.json()["details"]["field"] == "compensate"
        assert await attempts(later) == 1
        await revert(later, "pay", "acme", found["version"])
        assert await attempts(later, "acme") == 1
