"""What chains are compiled for: the components and limits of one deployment, tenant by tenant.

For the tenants' chains and the quarantine. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from rules.compiler import ChainText, Compiled, compile_chain, compile_route
from rules.plan import ComponentPolicy, Plan
from rules.scripts import NO_ENGINES, Components, Engines, ScriptText, compensation_names
from rules.source.edits import DEFAULT_TENANT
from rules.source.tenant_scripts import ScriptChanges, Scripts

NONE: Final[Mapping[str, ScriptText]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Deployment:
    """The components that are served, and the limit, in milliseconds, of a WHEN that says none."""

    components: Mapping[str, ComponentPolicy]
    when_max_wait: int | None = None
    engines: Engines = field(default=NO_ENGINES, compare=False)

    @property
    def registered(self) -> Mapping[str, ComponentPolicy]:
        """The components without scripts."""
        known = self.components
        return known.registered if isinstance(known, Components) else known

    @property
    def scripts(self) -> Mapping[str, ScriptText]:
        """The scripts that chains may use."""
        return self.components.scripts if isinstance(self.components, Components) else NONE

    def compile(self, chain: str, texts: Mapping[str, ChainText]) -> Compiled:
        """One of the texts, compiled. Raises ChainInvalid."""
        return compile_chain(
            chain, chains=texts, components=self.components, when_max_wait=self.when_max_wait
        )

    def route(self, chain: str, texts: Mapping[str, ChainText]) -> Plan:
        """The route of one of the texts, compiled. Raises ChainInvalid."""
        return compile_route(chain, chains=texts, components=self.components)


class Deployments:
    """The deployment as each tenant has it: registered components, and the tenant's scripts.

    Immutable; tenants without scripts of their own share one.
    """

    def __init__(
        self,
        registered: Mapping[str, ComponentPolicy],
        when_max_wait: int | None = None,
        scripts: Scripts | None = None,
        engines: Engines = NO_ENGINES,
    ) -> None:
        self.registered: Final = registered
        self.when_max_wait: Final = when_max_wait
        self.scripts: Final = Scripts() if scripts is None else scripts
        self._engines = engines
        self._made: dict[str, Deployment] = {}

    def of(self, tenant: str) -> Deployment:
        """The deployment of a tenant, always the same."""
        whose = tenant if self.scripts.own(tenant) else DEFAULT_TENANT
        made = self._made.get(whose)
        if made is None:
            scripts = self.scripts.of(whose)
            known: Mapping[str, ComponentPolicy] = self.registered
            if scripts:
                known = Components(self.registered, scripts, self._engines)
            # Of two threads, both are to have the first one's.
            made = self._made.setdefault(
                whose, Deployment(known, self.when_max_wait, self._engines)
            )
        return made

    def changed(self, changes: ScriptChanges) -> "Deployments":
        """The same with other scripts; tenants that these do not concern keep what they have."""
        return self.with_scripts(self.scripts.changed(changes), changes)

    def with_scripts(self, scripts: Scripts, changes: ScriptChanges) -> "Deployments":
        """The same with these scripts, which differ by the changes."""
        new = Deployments(self.registered, self.when_max_wait, scripts, self._engines)
        if DEFAULT_TENANT not in changes:
            new._made = {who: made for who, made in self._made.copy().items() if who not in changes}
        return new


def rescripted(before: Deployment, after: Deployment) -> frozenset[str]:
    """The components that are other ones now, and those that may be undone by other ones."""
    was, now = before.scripts, after.scripts
    changed = {id for id in {*was, *now} if was.get(id) != now.get(id)}
    undone = {id for id in {*was, *now} if not changed.isdisjoint(compensation_names(id))}
    return frozenset(changed | undone)
