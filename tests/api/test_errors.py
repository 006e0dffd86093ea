"""Every refusal in one table: its status, its code, its one shape, and words that help."""

from typing import Any

import pytest

from tests.api.sites import BOOK, Api

EXECUTE = "/api/saga/execute"
LIST = "/api/saga/executions"


def body(**fields: object) -> dict[str, Any]:
    """An order with some fields changed."""
    return {"chain": "placeOrder", "request": BOOK, **fields}


INVALID = (422, "REQUEST_INVALID")
NOT_FOUND = (404, "NOT_FOUND")
# What is asked -> status, code, words of the message.
CASES: list[tuple[str, tuple[str, str, object], tuple[int, str], list[str]]] = [
    ("no body", ("POST", EXECUTE, None), INVALID, ["body", "required"]),
    ("not JSON", ("POST", EXECUTE, b"{chain"), INVALID, ["JSON"]),
    ("not UTF-8", ("POST", EXECUTE, b'{"chain": "\xff"}'), (400, "HTTP_ERROR"), ["body"]),
    ("a list", ("POST", EXECUTE, [1]), INVALID, ["body", "dictionary"]),
    ("no chain", ("POST", EXECUTE, {"request": {}}), INVALID, ["body.chain", "required"]),
    ("empty chain", ("POST", EXECUTE, body(chain="")), INVALID, ["body.chain", "at least 1"]),
    ("chain a number", ("POST", EXECUTE, body(chain=1)), INVALID, ["body.chain", "string"]),
    ("unknown field", ("POST", EXECUTE, body(chian="x")), INVALID, ["body.chian", "not permitted"]),
    ("unknown mode", ("POST", EXECUTE, body(mode="later")), INVALID, ["body.mode", "'async'"]),
    ("wait too long", ("POST", EXECUTE, body(wait_seconds=61)), INVALID, ["wait_seconds", "60"]),
    ("wait negative", ("POST", EXECUTE, body(wait_seconds=-1)), INVALID, ["wait_seconds", "0"]),
    ("saga a word", ("POST", EXECUTE, body(saga="maybe")), INVALID, ["body.saga", "boolean"]),
    ("long key", ("POST", EXECUTE, body(business_key="k" * 201)), INVALID, ["business_key", "200"]),
    ("key of many bytes", ("POST", EXECUTE, body(business_key="票" * 67)), INVALID, ["201 bytes"]),
    ("empty key", ("POST", EXECUTE, body(business_key="")), INVALID, ["business_key"]),
    ("id a number", ("POST", EXECUTE, body(execution_id=7)), INVALID, ["execution_id", "string"]),
    (
        "request not a number",
        ("POST", EXECUTE, b'{"chain": "placeOrder", "request": {"price": NaN}}'),
        INVALID,
        ["body.request", "JSON"],
    ),
    (
        "request half a character",
        ("POST", EXECUTE, b'{"chain": "placeOrder", "request": {"item": "\\ud800"}}'),
        INVALID,
        ["body.request", "UTF-8"],
    ),
    (
        "request too large",
        ("POST", EXECUTE, body(request={"item": "x" * 600_000})),
        INVALID,
        ["body.request", "524288 are allowed"],
    ),
    (
        "in memory, too large",
        ("POST", "/api/execute/placeOrder", b'"%s"' % (b"x" * 600_000)),
        INVALID,
        ["524288 are allowed"],
    ),
    (
        "in memory, half a character",
        ("POST", "/api/execute/placeOrder", b'{"item": "\\ud800"}'),
        INVALID,
        ["UTF-8"],
    ),
    (
        "unknown chain",
        ("POST", EXECUTE, body(chain="placeOrdr")),
        (404, "CHAIN_UNKNOWN"),
        ["tenant 1", "'placeOrdr'", "did you mean 'placeOrder'?"],
    ),
    (
        "unlike any chain",
        ("POST", EXECUTE, body(chain="zzz")),
        (404, "CHAIN_UNKNOWN"),
        ["tenant 1 has no chain 'zzz'"],
    ),
    (
        "disabled",
        ("POST", EXECUTE, body(chain="switchedOff")),
        (409, "CHAIN_DISABLED"),
        ["'switchedOff'", "disabled"],
    ),
    (
        "not published",
        ("POST", EXECUTE, body(chain="draft")),
        (409, "CHAIN_DISABLED"),
        ["'draft'", "not published"],
    ),
    (
        "syntax errors",
        ("POST", EXECUTE, body(chain="unsound")),
        (422, "CHAIN_INVALID"),
        ["unsound:2:12", "missing ',' between 'pay' and 'notify'", "unsound:2:19"],
    ),
    (
        "unknown component",
        ("POST", EXECUTE, body(chain="incomplete")),
        (422, "CHAIN_INVALID"),
        ["no component and no chain 'payy'", "did you mean 'pay'?"],
    ),
    (
        "in memory, unknown chain",
        ("POST", "/api/execute/placeOrdr", {}),
        (404, "CHAIN_UNKNOWN"),
        ["did you mean 'placeOrder'?"],
    ),
    (
        "in memory, disabled",
        ("POST", "/api/execute/draft", {}),
        (409, "CHAIN_DISABLED"),
        ["'draft'"],
    ),
    (
        "in memory, not JSON",
        ("POST", "/api/execute/placeOrder", b"{"),
        INVALID,
        ["JSON"],
    ),
    *(
        (
            f"unknown execution{path}",
            ("GET", f"{LIST}/nobody{path}", None),
            (404, "EXECUTION_UNKNOWN"),
            ["this tenant has no execution 'nobody'"],
        )
        for path in ("", "?consistency=strong", "/logs", "/undo-plan")
    ),
    *(
        (f"cursor {cursor}", ("GET", f"{LIST}?cursor={cursor}", None), (400, "CURSOR_INVALID"), [
            "is not a cursor of this list"
        ])
        for cursor in ("zzz", "e30=", "", "%C3%A4", "bnVsbA==")
    ),
    ("limit 0", ("GET", f"{LIST}?limit=0", None), INVALID, ["query.limit", "1"]),
    ("limit 201", ("GET", f"{LIST}?limit=201", None), INVALID, ["query.limit", "200"]),
    ("status", ("GET", f"{LIST}?status=DONE", None), INVALID, ["query.status", "'COMPLETED'"]),
    (
        "time without a zone",
        ("GET", f"{LIST}?started_from=2026-01-01T00:00:00", None),
        INVALID,
        ["query.started_from", "timezone"],
    ),
    ("consistency", ("GET", f"{LIST}/x?consistency=weak", None), INVALID, ["'strong'"]),
    ("no such path", ("GET", "/api/saga/nowhere", None), NOT_FOUND, ["GET /api/saga/nowhere"]),
    ("root", ("GET", "/", None), NOT_FOUND, ["/docs"]),
    ("DELETE", ("DELETE", LIST, None), (405, "METHOD_NOT_ALLOWED"), ["DELETE", "Not Allowed"]),
    ("GET", ("GET", EXECUTE, None), (405, "METHOD_NOT_ALLOWED"), ["GET", "/docs"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_refusals(
    api: Api, asked: tuple[str, str, object], expected: tuple[int, str], words: list[str]
) -> None:
    method, path, sent = asked
    content = {"content": sent} if isinstance(sent, bytes) else {"json": sent} if sent else {}
    headers = {"X-Tenant-Id": "1", "Content-Type": "application/json"}
    answer = await api.http.request(method, path, headers=headers, **content)
    said = answer.json()
    assert (answer.status_code, said["code"]) == expected, answer.text
    assert list(said) == ["code", "message", "step", "details"]
    assert said["step"] is None
    assert [word for word in words if word not in said["message"]] == [], said["message"]
    assert answer.headers["Content-Type"] == "application/json"


async def test_every_wrong_field_is_named(api: Api) -> None:
    answer = await api.http.post(EXECUTE, json={"chain": 1, "mode": "x", "more": 1})
    assert [found["field"] for found in answer.json()["details"]["fields"]] == [
        "body.chain",
        "body.mode",
        "body.more",
    ]


async def test_a_near_name_is_also_there_for_programs(api: Api) -> None:
    near = await api.execute("placeOrdr", BOOK)
    far = await api.execute("zzz", BOOK)
    assert near.json()["details"] == {"chain": "placeOrdr", "did_you_mean": "placeOrder"}
    assert far.json()["details"] == {"chain": "zzz", "did_you_mean": None}


async def test_diagnostics_carry_position_and_drawing(api: Api) -> None:
    details = (await api.execute("unsound", BOOK)).json()["details"]
    assert details["chain"] == "unsound"
    first, second = details["diagnostics"]
    assert first == {
        "category": "syntax",
        "severity": "error",
        "message": "missing ',' between 'pay' and 'notify'",
        "chain": "unsound",
        "line": 2,
        "column": 12,
        "start": 29,
        "end": 35,
        "drawing": "  WHEN(pay notify);\n           ^^^^^^",
        "mend": None,
    } | {"message": first["message"]}
    assert (second["line"], second["column"]) == (2, 19)
    assert second["mend"] == "'THEN(' was opened in line 1"


async def test_a_wrong_method_names_the_right_one(api: Api) -> None:
    assert (await api.http.get(EXECUTE)).headers["Allow"] == "POST"


async def test_a_refused_start_leaves_no_trace(api: Api, id: str) -> None:
    for chain in ("zzz", "draft", "unsound", "incomplete"):
        await api.execute(chain, BOOK, execution_id=id)
    assert (await api.get(f"{LIST}/{id}")).status_code == 404
    assert id not in (await api.get(LIST)).text
