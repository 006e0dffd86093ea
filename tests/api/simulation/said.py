"""Cases in few words: a chain, its stubs, and what is to be answered.

For the tables of this folder. `a` to `k` are common components that are undone, `x` and `y` are
boolean ones that say yes, `s` chooses `b`, `n` counts to 2, `i` iterates over p and q; a table may
say otherwise.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from api.simulation.cases import read_case
from api.simulation.simulate import simulate

Said = dict[str, JsonValue]

STEPS: dict[str, Said] = {letter: {"type": "common", "rollback": True} for letter in "abcdefghk"}
HEADS: dict[str, Said] = {
    "x": {"type": "boolean", "returns": True},
    "y": {"type": "boolean", "returns": True},
    "s": {"type": "switch", "returns": "b"},
    "n": {"type": "for", "returns": 2},
    "i": {"type": "iterator", "returns": ["p", "q"]},
}


def step(**more: JsonValue) -> Said:
    """A common component that can be undone."""
    return {"type": "common", "rollback": True, **more}


def refuses(error: str = "RuntimeException", **more: JsonValue) -> Said:
    """A step that throws, always or as `more` says."""
    throws: JsonValue = {"class": error, **more} if more else error
    return step(throws=throws)


def writes(template: str = "{id}", **more: JsonValue) -> Said:
    """A step that leaves a record."""
    return step(record=template, **more)


def says(answer: JsonValue, **more: JsonValue) -> Said:
    """A boolean component."""
    return {"type": "boolean", "returns": answer, **more}


def chooses(answer: JsonValue, **more: JsonValue) -> Said:
    """A switch component."""
    return {"type": "switch", "returns": answer, **more}


@dataclass(frozen=True, slots=True)
class Told:
    """A case, and what its answer must hold; `ops` are expectations one by one."""

    chain: str
    answer: Said = field(default_factory=dict)
    nodes: Mapping[str, Said] = field(default_factory=dict)
    includes: Said = field(default_factory=dict)
    more: Said = field(default_factory=dict)
    ops: tuple[tuple[Said, Said], ...] = ()

    @property
    def line(self) -> str:
        """The case as a line of JSON."""
        case: dict[str, JsonValue] = {
            "id": "case",
            "chains": {"main": self.chain, **self.includes},
            "nodes": {id: dict(node) for id, node in {**STEPS, **HEADS, **self.nodes}.items()},
            "run": "main",
            **self.more,
        }
        if self.ops:
            case["ops"] = [dict(op) for op, _ in self.ops]
        return json.dumps(case)


def answered(told: Told) -> dict[str, JsonValue]:
    """What the case is answered with."""
    return simulate(read_case(told.line))


def agrees(told: Told) -> None:
    """Compare the answer with what was told, as far as that goes."""
    answer = answered(told)
    assert _part(answer, told.answer) == told.answer
    if told.ops:
        found = answer["ops"]
        assert isinstance(found, list)
        parts = [
            _part(one, expected) if isinstance(one, dict) else one
            for one, (_, expected) in zip(found, told.ops, strict=True)
        ]
        assert parts == [dict(expected) for _, expected in told.ops]


def _part(answer: Said, expected: Said) -> dict[str, JsonValue]:
    return {key: answer.get(key) for key in expected}
