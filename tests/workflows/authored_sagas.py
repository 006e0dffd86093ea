"""The table of sagas made of the authored components: what is called, and how each ends."""

from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from rules.execution import Status
from tests.workflows.authored import Script


@dataclass(frozen=True, slots=True)
class Case:
    """One saga: what is called, how its steps end by tag or component, and what it leaves."""

    id: str
    chain: str
    status: Status
    calls: str = ""
    ends: str = ""
    script: Script = field(default_factory=dict)
    context: dict[str, JsonValue] = field(default_factory=dict)
    code: str | None = None
    steps: str | None = None
    on_temporal: bool = False


DONE, FAILED, UNDONE = Status.COMPLETED, Status.FAILED, Status.COMPENSATED
A = 'whole.tag("a")'
B = 'plain.tag("b")'
Z = 'plain.tag("z")'
ALL = "a.before a a.success a.after a.end"
FAILS = "a.before a ConnectionError a.error a.after"

CASES: Final = [
    Case("order", f"THEN({A})", DONE, f"a.access {ALL}", "a:COMPLETED", on_temporal=True),
    Case(
        "own-retry",
        f"THEN({A})",
        DONE,
        f"a.access {FAILS} {ALL}",
        "a:COMPLETED",
        {"a": ["error", "ok"]},
        on_temporal=True,
    ),
    Case(
        "own-retry-in-vain",
        f"THEN({B}, {A})",
        UNDONE,
        f"b a.access {FAILS} {FAILS} a! b!",
        "b:COMPENSATED a:COMPENSATED",
        {"a": ["error"]},
        code="STEP_FAILED",
    ),
    Case(
        "not-retried-for-others",
        f"THEN({B}, {A})",
        UNDONE,
        "b a.access a.before a ValueError a.error a.after a! b!",
        "b:COMPENSATED a:COMPENSATED",
        {"a": ["wrong", "ok"]},
        code="STEP_FAILED",
    ),
    Case(
        "own-retry-and-the-chains",
        f'THEN({A}.retry(1, "Exception"))',
        DONE,
        f"a.access {FAILS} {FAILS} a.access {FAILS} {ALL}",
        "a:COMPLETED",
        {"a": ["error", "error", "error", "ok"]},
        on_temporal=True,
    ),
    Case(
        "own-retry-and-the-chains-for-all",
        f"THEN({A}.retry(1))",
        DONE,
        f"a.access {FAILS} {FAILS} a.access {FAILS} {ALL}",
        "a:COMPLETED",
        {"a": ["error", "error", "error", "ok"]},
    ),
    Case(
        "the-chain-retries-what-the-component-does-not",
        f'THEN({A}.retry(1, "ValueError"))',
        DONE,
        f"a.access a.before a ValueError a.error a.after a.access {ALL}",
        "a:COMPLETED",
        {"a": ["wrong", "ok"]},
    ),
    Case(
        "not-accessible",
        f"THEN({A}, {Z})",
        DONE,
        "a.access a.end z",
        "a:SKIPPED z:COMPLETED",
        {"a.access": ["no"]},
        on_temporal=True,
    ),
    Case(
        "not-accessible-but-ends",
        f"THEN({A}, {Z})",
        DONE,
        "a.access a.end",
        "a:SKIPPED",
        {"a.access": ["no"], "a.end": ["yes"]},
        on_temporal=True,
    ),
    Case(
        "access-fails",
        f"THEN({B}, {A})",
        UNDONE,
        "b a.access b!",
        "b:COMPENSATED a:FAILED",
        {"a.access": ["wrong"]},
        steps="plain",
        code="ACCESS_FAILED",
        on_temporal=True,
    ),
    Case(
        "access-fails-and-the-chain-retries",
        f'THEN({A}.retry(2, "ValueError"))',
        DONE,
        f"a.access a.access {ALL}",
        "a:COMPLETED",
        {"a.access": ["wrong", "ok"]},
        on_temporal=True,
    ),
    Case(
        "not-accessible-after-it-may-have-happened",
        f'THEN({A}.retry(1, "Exception"), {Z})',
        UNDONE,
        f"a.access {FAILS} {FAILS} a.access a.end z a!",
        "a:COMPENSATED z:FAILED",
        {"a": ["error"], "a.access": ["ok", "no"], "z": ["refuse"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "before-fails",
        f"THEN({A})",
        UNDONE,
        "a.access a.before ValueError a.error a.after a!",
        "a:COMPENSATED",
        {"a.before": ["wrong"]},
        code="STEP_FAILED",
    ),
    Case(
        "before-refuses",
        f"THEN({A})",
        FAILED,
        "a.access a.before Refused a.error a.after",
        "a:FAILED",
        {"a.before": ["refuse"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "a-refusal-after-the-effect-is-none",
        f"THEN({A})",
        UNDONE,
        "a.access a.before a a.success Refused a.error a.after a!",
        "a:COMPENSATED",
        {"a.success": ["refuse"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "after-fails",
        f"THEN({A})",
        UNDONE,
        "a.access a.before a a.success a.after a!",
        "a:COMPENSATED",
        {"a.after": ["wrong"]},
        code="STEP_FAILED",
    ),
    Case(
        "after-refuses-what-was-lost",
        f"THEN({A})",
        UNDONE,
        "a.access a.before a ValueError a.error a.after a!",
        "a:COMPENSATED",
        {"a": ["wrong"], "a.after": ["refuse"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "on-error-fails",
        f"THEN({A})",
        FAILED,
        "a.access a.before a Refused a.error a.after",
        "a:FAILED",
        {"a": ["refuse"], "a.error": ["wrong"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "the-end-check-fails",
        f"THEN({A})",
        UNDONE,
        f"a.access {ALL} a!",
        "a:COMPENSATED",
        {"a.end": ["refuse"]},
        code="AS_SCRIPTED",
    ),
    Case(
        "ends",
        f"THEN(WHEN({A}, {B}), {Z})",
        DONE,
        "",
        "a:COMPLETED b:COMPLETED",
        {"a.end": ["yes"]},
        on_temporal=True,
    ),
    Case(
        "the-step-ends-the-flow",
        f'THEN({B}, FINALLY({Z}), plain.tag("c"))',
        DONE,
        "b z",
        "b:COMPLETED z:COMPLETED",
        {"b": ["end"]},
        on_temporal=True,
    ),
    Case(
        "the-end-is-not-asked-once-it-is-wished",
        f"THEN({A}, {Z})",
        DONE,
        "a.access a.before a a.success a.after",
        "a:COMPLETED",
        {"a.access": ["end"]},
    ),
    Case(
        "the-end-of-access-stays-while-it-is-retried",
        f"THEN({A}, {Z})",
        DONE,
        f"a.access {FAILS} a.before a a.success a.after",
        "a:COMPLETED",
        {"a.access": ["end"], "a": ["error", "ok"]},
    ),
    Case(
        "the-error-beats-the-end",
        f"THEN({A}, {Z})",
        UNDONE,
        "a.access a.before a a.success a.after a!",
        "a:COMPENSATED",
        {"a": ["end"], "a.after": ["wrong"]},
        code="STEP_FAILED",
    ),
    Case(
        "goes-on",
        f'THEN(easy.tag("a"), {Z})',
        DONE,
        "a a z",
        "a:FAILED z:COMPLETED",
        {"a": ["refuse"]},
        on_temporal=True,
    ),
    Case(
        "goes-on-and-is-undone-later",
        f'THEN(easy.tag("a"), {Z})',
        UNDONE,
        "a a z a!",
        "a:COMPENSATED z:FAILED",
        {"a": ["wrong"], "z": ["refuse"]},
        code="AS_SCRIPTED",
        on_temporal=True,
    ),
    Case(
        "the-chains-retry-never-sees-it",
        f'THEN(easy.tag("a").retry(3, "Exception"), {Z})',
        DONE,
        "a a z",
        "a:UNKNOWN z:COMPLETED",
        {"a": ["wrong"]},
        on_temporal=True,
    ),
    Case(
        "the-chains-retry-for-all-never-sees-it",
        f'THEN(easy.tag("a").retry(3), {Z})',
        DONE,
        "a a z",
        "a:UNKNOWN z:COMPLETED",
        {"a": ["wrong"]},
        on_temporal=True,
    ),
    Case(
        "goes-on-after-some-errors",
        f'THEN(picky.tag("a"), {Z})',
        DONE,
        "a a.continue z",
        "a:UNKNOWN z:COMPLETED",
        {"a": ["error"]},
    ),
    Case(
        "and-not-after-others",
        f'THEN(picky.tag("a"), {Z})',
        UNDONE,
        "a a.continue a!",
        "a:COMPENSATED",
        {"a": ["wrong"]},
        code="STEP_FAILED",
    ),
    Case(
        "a-head-has-no-result",
        f'THEN({B}, IF(ask.tag("a"), {Z}))',
        UNDONE,
        "b a.access a b!",
        "b:COMPENSATED a:UNKNOWN",
        {"a": ["wrong"]},
        code="NO_RESULT",
        on_temporal=True,
    ),
    Case(
        "a-head-is-not-accessible",
        f'THEN(IF(ask.tag("a"), {Z}, {B}))',
        DONE,
        "a.access",
        "a:SKIPPED",
        {"a.access": ["no"]},
        on_temporal=True,
    ),
    Case(
        "loops",
        'ITERATOR(letters.bind("objects", "[\\"x\\", \\"y\\"]")).DO(FOR(2).DO(tell))',
        DONE,
        context={
            "told": [
                [i, o, name, None, "main", None, None, None, None]
                for o, name in enumerate("xy")
                for i in range(2)
            ]
        },
        on_temporal=True,
    ),
    Case(
        "bound-and-told",
        'THEN(set, inner, CATCH(plain.tag("b")).DO(tell.data("{\\"a\\": 1}")))'
        '.bind("limit", "${order.total}").bind("name", "ann")',
        DONE,
        script={"b": ["refuse"]},
        context={
            "order": {"total": 7, "names": ["ann"]},
            "told": [
                [None, None, None, None, "inner", None, 7, "ann", None],
                [None, None, None, None, "main", "AS_SCRIPTED", 7, "ann", {"a": 1}],
            ],
        },
        on_temporal=True,
    ),
    Case(
        "a-misfit-is-told-before-anything-happens",
        'THEN(tell.bind("limit", "many"))',
        FAILED,
        ends="tell:FAILED",
        code="BAD_INPUT",
    ),
    Case(
        "delivered",
        'THEN(send.data("[1, 2]"), FOR(2).DO(fetch), fetch)',
        DONE,
        context={"fetched": [[{"number": 1}, 1], [{"number": 2}, 0], [None, 0]]},
        on_temporal=True,
    ),
    Case(
        "what-nobody-took-stays",
        'THEN(send.data("[1, 2]"), fetch)',
        DONE,
        context={"fetched": [[{"number": 1}, 1]], "chainsaga.delivered.fetch": [{"number": 2}]},
    ),
    Case("targets", f"SWITCH(last).TO({A}, {Z})", DONE, "", "last:COMPLETED z:COMPLETED"),
    Case(
        "fallbacks",
        'THEN(node("nobody"), IF(node("none"), spare, node("who")))',
        DONE,
        context={"total": 2},
        on_temporal=True,
    ),
]
