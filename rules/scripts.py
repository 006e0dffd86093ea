"""Script components: what a row of them is worth to chains, and what their texts ask for.

For the rule source, which has the rows, and the engines, which run them. Pure: an engine is known
by its languages and by what it says of a text.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

from rules.plan import ComponentPolicy, Kind, Needs, Script
from rules.sizes import KIB, NAME_LIMIT
from rules.wire import delivery_key

JVM_QUEUE: Final = "-jvm"
"""Behind the name of a task queue: where scripts of JVM languages are run."""
JVM_LANGUAGES: Final = ("groovy", "java", "qlexpress")
SCRIPT_LIMIT: Final = 64 * KIB
RESERVED: Final = "chainsaga."

KINDS: Final[Mapping[str, Kind]] = {
    "script": "common",
    "boolean_script": "boolean",
    "switch_script": "switch",
    "for_script": "for",
    "iterator_script": "iterator",
}
"""What `component_type` may say, and what it means."""

_ALIASES: Final = {"js": "javascript"}
_CONTEXT: Final = re.compile("ontext|Bind")
_REQUEST: Final = re.compile("equestData")
_SHORT_REQUEST: Final = re.compile(r"equestData|\brequest\b")
_DELIVERIES: Final = re.compile("DeliveryData")


@dataclass(frozen=True, slots=True)
class ScriptText:
    """A script as its author wrote it; `type` and `language` are what the row says.

    Its `version` makes it no other script.
    """

    id: str
    text: str
    type: str = "script"
    language: str = "java"
    name: str | None = None
    version: int = field(default=1, compare=False)


class Engines(Protocol):
    """The engines of a deployment, as far as chains have to know them."""

    @property
    def languages(self) -> Collection[str]:
        """What runs in this deployment, also on other workers."""
        ...

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        """What is wrong with a text, with its line; None if nothing, or if nobody here can say."""
        ...


class NoEngines:
    """No scripts are run."""

    languages: Final = ()

    def problem(self, language: str, kind: Kind, text: str) -> str | None:  # noqa: ARG002
        """Nothing."""
        return None


NO_ENGINES: Final[Engines] = NoEngines()


def language_of(given: str) -> str:
    """The name of a language as engines have it."""
    name = given.strip().lower()
    return _ALIASES.get(name, name)


def script_sha(language: str, text: str) -> str:
    """SHA-256 in hex over language and text."""
    return sha256(f"{language}\n{text}".encode()).hexdigest()


def problem_of(script: ScriptText, engines: Engines) -> str | None:
    """Why a script can be used by no chain, in words for its author; None if it can."""
    language, kind = language_of(script.language), KINDS.get(script.type)
    if script.id.startswith(RESERVED) or len(script.id) > NAME_LIMIT:
        return f"ids begin with no '{RESERVED}' and have at most {NAME_LIMIT} characters"
    if kind is None:
        return f"'{script.type}' is no type of scripts; there are {', '.join(KINDS)}"
    if language not in engines.languages:
        if language in JVM_LANGUAGES:
            return f"engine {language} has no worker in this deployment"
        known = ", ".join(sorted(engines.languages)) or "none"
        return f"there is no engine for '{language}'; in this deployment there are: {known}"
    if len(script.text.encode()) > SCRIPT_LIMIT:
        return f"its text is longer than {SCRIPT_LIMIT // KIB} KiB"
    return engines.problem(language, kind, script.text)


def policy_of(script: ScriptText, engines: Engines) -> ComponentPolicy:
    """The policy of a script, without what undoes it."""
    language, kind = language_of(script.language), KINDS.get(script.type, "common")
    jvm = language in JVM_LANGUAGES
    return ComponentPolicy(
        id=script.id,
        kind=kind,
        name=script.name or None,
        needs=needs_of(script),
        # What can reach nothing leaves nothing to undo.
        read_only=kind != "common" or not jvm,
        script=Script(
            language=language,
            text=script.text,
            sha=script_sha(language, script.text),
            jvm=jvm,
            problem=problem_of(script, engines),
        ),
    )


def needs_of(script: ScriptText) -> Needs:
    """What a script is sent, by the words of its text."""
    asks = partial(re.Pattern.search, string=script.text)
    request = _SHORT_REQUEST if language_of(script.language) == "cel" else _REQUEST
    delivered = (delivery_key(script.id),) if asks(_DELIVERIES) else ()
    return Needs(
        request=asks(request) is not None,
        whole_context=asks(_CONTEXT) is not None,
        context_keys=delivered,
        undo_output=True,
    )


class Components(Mapping[str, ComponentPolicy]):
    """What a tenant's chains may name: registered components, and scripts.

    A script is looked at when somebody asks for it. One with the id of a registered component takes
    its place, with that as its problem.
    """

    def __init__(
        self,
        registered: Mapping[str, ComponentPolicy],
        scripts: Mapping[str, ScriptText],
        engines: Engines = NO_ENGINES,
    ) -> None:
        self.registered: Final = registered
        self.scripts: Final = scripts
        self._engines = engines
        self._policies: dict[str, ComponentPolicy] = {}

    def __getitem__(self, id: str) -> ComponentPolicy:
        script = self.scripts.get(id)
        if script is None:
            return self.registered[id]
        if id not in self._policies:
            self._policies[id] = self._policy(script)
        return self._policies[id]

    def __iter__(self) -> Iterator[str]:
        yield from self.registered
        yield from (id for id in self.scripts if id not in self.registered)

    def __len__(self) -> int:
        return len(self.registered.keys() | self.scripts.keys())

    def __contains__(self, id: object) -> bool:
        return id in self.registered or id in self.scripts

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Components):
            return NotImplemented
        return self.registered == other.registered and self.scripts == other.scripts

    __hash__ = None  # type: ignore[assignment] # as of all mappings

    def inferred(self, id: str) -> bool:
        """Whether what undoes a script was found by its name."""
        return id in self.scripts and self[id].compensate is not None

    def _policy(self, script: ScriptText) -> ComponentPolicy:
        policy = policy_of(script, self._engines)
        registered = self.registered.get(script.id)
        if registered is not None:
            words = "a script has the id of a component that is registered; give it another one"
            assert policy.script is not None
            taken = policy.script.model_copy(update={"problem": words})
            return registered.model_copy(update={"script": taken})
        for name in compensation_names(script.id):
            if self._undoes(name) and policy.kind == "common":
                return with_effects(policy.model_copy(update={"compensate": name}))
        return policy

    def _undoes(self, name: str) -> bool:
        """Whether there is such a component that could undo another one: no condition does."""
        if name in self.scripts:
            return KINDS.get(self.scripts[name].type) == "common"
        return name in self.registered and self.registered[name].kind == "common"


def with_effects(policy: ComponentPolicy) -> ComponentPolicy:
    """The policy after something about its compensation was changed: a script that can reach
    nothing has effects if somebody undoes them.
    """
    if policy.script is None or policy.script.jvm or policy.kind != "common":
        return policy
    return policy.model_copy(update={"read_only": policy.compensate is None})


def compensation_names(id: str) -> tuple[str, ...]:
    """What a component may be called that undoes `id`; the first one that exists is taken."""
    upper = id[:1].upper() + id[1:]
    return (f"{id}Compensate", f"compensate{upper}", f"undo{upper}", f"cancel{upper}")
