"""What chains are compiled for: the components and limits of one deployment.

For the tenants' chains and the quarantine. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.compiler import ChainText, Compiled, compile_chain, compile_route
from rules.plan import ComponentPolicy, Plan


@dataclass(frozen=True, slots=True)
class Deployment:
    """The components that are served, and the limit, in milliseconds, of a WHEN that says none."""

    components: Mapping[str, ComponentPolicy]
    when_max_wait: int | None = None

    def compile(self, chain: str, texts: Mapping[str, ChainText]) -> Compiled:
        """One of the texts, compiled. Raises ChainInvalid."""
        return compile_chain(
            chain, chains=texts, components=self.components, when_max_wait=self.when_max_wait
        )

    def route(self, chain: str, texts: Mapping[str, ChainText]) -> Plan:
        """The route of one of the texts, compiled. Raises ChainInvalid."""
        return compile_route(chain, chains=texts, components=self.components)
