"""The rules of a case in memory: chains and components, changed while they are in use.

For the runs of a case. A chain that does not compile is quarantined with what is wrong with it,
and its last good version serves; it is compiled again whenever something changes. (EL reference
section 13.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from activities.registry import Registry
from api.simulation.cases import Chain, Config, Node
from api.simulation.stubs import registry_of
from api.simulation.world import World
from rules.checks.filling import filled
from rules.checks.limits import DEFAULT_LIMITS
from rules.compiler import ChainText, Compiled, compile_chain, compile_route
from rules.el.findings import Findings
from rules.errors import ChainInvalid, ChainUnknown, Diagnostic, RoutesUnknown
from rules.plan import Plan

TENANT: Final = "1"
NAMESPACE: Final = "default"
ANONYMOUS: Final = "EL"
"""How messages call a text that no chain has."""


@dataclass(frozen=True, slots=True)
class Served:
    """A chain's version that runs: its plan, with the components that it was compiled with."""

    compiled: Compiled
    components: Registry


@dataclass(slots=True)
class RuleBook:
    """Chains and nodes by id. `components` and what compiles follow every change."""

    config: Config
    world: World
    chains: dict[str, Chain] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    _problems: dict[str, ChainInvalid | None] = field(default_factory=dict)
    _served: dict[str, Served] = field(default_factory=dict)
    _components: Registry = field(default_factory=lambda: Registry(()))

    def change(
        self,
        *,
        chains: Mapping[str, Chain] | None = None,
        nodes: Mapping[str, Node] | None = None,
    ) -> None:
        """Put in, or put others in their place. Raises ComponentInvalid."""
        self.chains.update(chains or {})
        self.nodes.update(nodes or {})
        self._changed()

    def remove_chain(self, id: str) -> None:
        """Take a chain out; those that include it are quarantined."""
        self.chains.pop(id, None)
        self._changed()

    def remove_node(self, id: str) -> None:
        """Take a component out; the chains that name it are quarantined."""
        self.nodes.pop(id, None)
        self._changed()

    def _changed(self) -> None:
        self._components = registry_of(self.nodes, self.config, self.world)
        self._served = {id: one for id, one in self._served.items() if id in self.texts}
        self._problems.clear()

    @property
    def texts(self) -> dict[str, ChainText]:
        """What the compiler is given: the chains that are switched on."""
        return {
            id: ChainText(name=id, text=chain.text, extends=chain.extends, route=chain.route)
            for id, chain in self.chains.items()
            if chain.enabled
        }

    def compile_all(self) -> None:
        """Compile every chain, so that what is good now serves when it is no longer."""
        for id in self.texts:
            self.problem(id)

    def problem(self, id: str) -> ChainInvalid | None:
        """What is wrong with a chain as it stands; one that compiles serves from now on."""
        if id not in self._problems:
            try:
                self._served[id] = Served(self._compiled(id, self.texts), self._components)
            except ChainInvalid as invalid:
                self._problems[id] = invalid
            else:
                self._problems[id] = None
        return self._problems[id]

    def template(self, id: str) -> bool:
        """Whether a chain is there to be extended only, so that it need not compile."""
        return filled(id, self.texts, DEFAULT_LIMITS.text).template

    def serving(self, id: str) -> Served:
        """The version of a chain that runs. Raises ChainUnknown, or ChainInvalid without one."""
        if id not in self.texts:
            raise ChainUnknown(TENANT, id)
        problem = self.problem(id)
        if problem is not None and id not in self._served:
            raise problem
        return self._served[id]

    def anonymous(self, text: str) -> Served:
        """A text that no chain has, compiled and not kept. Raises ChainInvalid."""
        texts = {**self.texts, ANONYMOUS: ChainText(ANONYMOUS, text)}
        return Served(self._compiled(ANONYMOUS, texts), self._components)

    def routed(self, namespace: str) -> tuple[str, ...]:
        """The chains of a namespace that have a route. Raises RoutesUnknown."""
        found = tuple(
            id
            for id, text in self.texts.items()
            if text.routed and (self.chains[id].namespace or NAMESPACE) == namespace
        )
        if not found:
            known = dict.fromkeys(chain.namespace or NAMESPACE for chain in self.chains.values())
            raise RoutesUnknown(TENANT, namespace, tuple(known))
        return found

    def route(self, id: str) -> Plan:
        """The route of a chain. Raises ChainInvalid."""
        return compile_route(id, chains=self.texts, components=self.components.policies)

    @property
    def components(self) -> Registry:
        """The components of now."""
        return self._components

    def _compiled(self, id: str, texts: Mapping[str, ChainText]) -> Compiled:
        return compile_chain(
            id,
            chains=texts,
            components=self._components.policies,
            when_max_wait=self.config.when_max_wait_ms,
        )


def duplicates(chains: Sequence[tuple[str, Chain]]) -> tuple[Diagnostic, ...]:
    """What is wrong with chains that are given twice."""
    seen: set[str] = set()
    found: list[Diagnostic] = []
    for id, chain in chains:
        if id in seen:
            findings = Findings(id, chain.text)
            words = f"the chain '{id}' is given twice"
            findings.error("duplicate_chain", words, 0, 1, hint="give one of them another id")
            found.extend(findings.diagnostics())
        seen.add(id)
    return tuple(found)
