"""A case: chains, stubs for their components, and what is to be done with them.

For the command `simulate`. A line of JSON is read into it; what a case expects, and remarks, are
left to who compares. Knows neither the compiler nor the runtime.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, ValidationError

from api.errors import CaseInvalid
from api.simulation.values import Constant, Op, Said, Value
from rules.checks.resolve import near_name

NodeType: TypeAlias = Literal[
    "common",
    "boolean",
    "switch",
    "for",
    "iterator",
    "script",
    "boolean_script",
    "switch_script",
    "for_script",
]
REMARKS: Final = frozenset(
    {
        "area",
        "note",
        "certain",
        "quirk",
        "timing",
        "ours",
        "error_category",
        "error_portable",
        "hang_ms",
    }
)
"""Fields for readers and for who compares, beside those that begin with `expect_`."""


def _named(value: object, field: str) -> object:
    """The short form of an object that has only this field."""
    return value if value is None or isinstance(value, Mapping) else {field: value}


def _chains(value: object) -> object:
    """Chains by their ids, or a list of objects that name theirs."""
    if isinstance(value, Mapping):
        return tuple((id, _chain(said)) for id, said in value.items())
    if isinstance(value, list) and all(isinstance(one, Mapping) and "id" in one for one in value):
        return tuple(
            (one["id"], _chain({k: v for k, v in one.items() if k != "id"})) for one in value
        )
    return value


def _chain(said: object) -> object:
    """A chain's text, or an object; `el` and `body` are one, and files write `enable` as a text."""
    if isinstance(said, str):
        return {"text": said}
    if not isinstance(said, Mapping):
        return said
    chain = {key: value for key, value in said.items() if key not in ("el", "body", "enable")}
    chain["text"] = said.get("el", said.get("body", ""))
    chain["enabled"] = said.get("enable", True)
    return chain


class Throws(Said):
    """What a stub throws: in its first `times` calls only, or in one pass of a loop only."""

    type: str = Field(alias="class")
    message: str | None = None
    times: int | None = None
    when_loop_index: int | None = None


class Retried(Said):
    """A component's own retries: so many further attempts, after these exceptions only."""

    times: int
    types: tuple[str, ...] = Field(default=(), alias="for")


class Node(Said):
    """A stub. In its body: sleep, record, count, set_ctx, invoke, set_end, throw, return."""

    type: NodeType
    name: str | None = None
    returns: Value = Constant(constant=None)
    throws: Annotated[Throws | None, BeforeValidator(lambda v: _named(v, "class"))] = None
    sleep_ms: Value = Constant(constant=0)
    access: Value = Constant(constant=True)
    end_in_access: bool = False
    set_end: bool = False
    is_end: bool = False
    continue_on_error: bool = False
    retry: Annotated[Retried | None, BeforeValidator(lambda v: _named(v, "times"))] = None
    fallback: bool = False
    rollback: bool = False
    rollback_record: str | None = None
    rollback_throws: bool = False
    record: str | None = None
    count: str | None = None
    set_ctx: dict[str, JsonValue] = {}
    invoke: str | None = None
    invoke_req: JsonValue = None
    language: str | None = None
    script: str | None = None


class Chain(Said):
    """A chain as its file says it."""

    text: str
    route: str | None = None
    extends: str | None = None
    namespace: str | None = None
    enabled: bool = True


class Config(Said):
    """Settings that a case changes."""

    retry_count: int = 0
    when_max_wait_ms: int | None = Field(default=None, gt=0)
    parse_mode: str = "PARSE_ALL_ON_START"

    @property
    def lazy(self) -> bool:
        """Whether a chain is only compiled when it is run."""
        return self.parse_mode != "PARSE_ALL_ON_START"


class RunRoute(Said):
    """The chains of a namespace are to be run whose routes match."""

    namespace: str | None = None


class Asked(Said):
    """What is to be run: a chain, a text that no chain has, or chains by their routes."""

    run: str | None = None
    run_el: str | None = None
    run_route: RunRoute | None = None
    request: JsonValue = "arg"
    ctx: dict[str, JsonValue] = {}


class Operation(Asked):
    """One change of the rules while they are in use, or a run between two changes.

    `request` and `ctx` are those of the case where it says none.
    """

    op: Literal["run", "set_chain", "remove_chain", "add_node", "unload_script", "reload_xml"]
    id: str | None = None
    el: str | None = None
    body: str | None = None
    route: str | None = None
    extends: str | None = None
    namespace: str | None = None
    enable: bool = True
    node: Node | None = None
    chains: Annotated[tuple[tuple[str, Chain], ...], BeforeValidator(_chains)] = ()
    nodes: dict[str, Node] = {}

    @property
    def chain(self) -> Chain:
        """What `set_chain` sets."""
        return Chain(
            text=self.el if self.el is not None else self.body or "",
            route=self.route,
            extends=self.extends,
            namespace=self.namespace,
            enabled=self.enable,
        )


class Case(Asked):
    """One line. `chains` are pairs, since a file may give an id twice."""

    id: str
    chains: Annotated[tuple[tuple[str, Chain], ...], BeforeValidator(_chains)]
    nodes: dict[str, Node] = {}
    config: Config = Config()
    ops: tuple[Operation, ...] = ()


def read_case(line: str) -> Case:
    """A case from a line of JSON. Raises CaseInvalid, which names the field and the mend."""
    try:
        said = json.loads(line)
    except ValueError as error:
        raise CaseInvalid(
            f"this is no JSON: {error}; a case is one JSON object on a line"
        ) from None
    if not isinstance(said, dict):
        raise CaseInvalid('a case is a JSON object, such as {"id": …, "chains": …}')
    name = said.get("id")
    try:
        return Case.model_validate(_inputs(said))
    except ValidationError as error:
        raise CaseInvalid(_problems(error), name if isinstance(name, str) else None) from None


def _inputs(said: Mapping[str, object]) -> dict[str, object]:
    """A case, or one of its operations, without what it expects and what it remarks."""
    kept = {
        key: value
        for key, value in said.items()
        if key not in REMARKS and not key.startswith("expect_")
    }
    if isinstance(ops := kept.get("ops"), list):
        kept["ops"] = [_inputs(op) if isinstance(op, Mapping) else op for op in ops]
    return kept


_MODELS: Final = (Case, Operation, Node, Chain, Config, RunRoute, Throws, Retried, Op)
_FIELDS: Final = frozenset(
    field.alias or name for model in _MODELS for name, field in model.model_fields.items()
)


def _problems(error: ValidationError) -> str:
    """What is wrong with each field, by its path in the line, and how to mend it."""
    return "; ".join(_told(error))


def _told(error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False):
        place = ".".join(str(part) for part in found["loc"])
        if found["type"] != "extra_forbidden":
            yield f"{place}: {found['msg'][:1].lower()}{found['msg'][1:]}"
            continue
        near = near_name(str(found["loc"][-1]), _FIELDS)
        mend = f"did you mean '{near}'?" if near else "leave it out, or put it into 'note'"
        yield f"{place}: there is no such field; {mend}"
