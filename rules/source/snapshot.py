"""The chains of one application and namespace at one moment: immutable, sealed per tenant.

For the rule source, which swaps whole snapshots, and for the freeze. A chain, or its route, is
compiled when it is first asked for; a new snapshot takes over what its rows have not changed. Edits
of policies are kept beside the chains: they take part in the freeze, not in compiling. Knows no
database.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType

from rules.compiler import ChainText, Compiled, check_chain, compile_chain, compile_route
from rules.el.findings import Findings
from rules.errors import ChainDisabled, ChainInvalid, ChainUnknown, Diagnostic
from rules.jobs import RESERVED
from rules.plan import ComponentPolicy, Plan
from rules.source.edits import NO_EDITS, Edits, edited_plan
from rules.source.repository import ChainRow, UndoPolicy


class Snapshot:
    """Immutable as seen from outside; what it compiles is remembered.

    `components` are those that this deployment serves; `when_max_wait` is the limit, in
    milliseconds, of a WHEN that says none itself. Chains of `beneath` are no chains of this
    snapshot, but may be included and extended by them; of two with one name its own counts, also
    one that does not serve.
    """

    def __init__(
        self,
        rows: Iterable[ChainRow],
        components: Mapping[str, ComponentPolicy],
        previous: "Snapshot | None" = None,
        *,
        edits: Edits = NO_EDITS,
        when_max_wait: int | None = None,
        beneath: Iterable[ChainRow] = (),
    ) -> None:
        by_tenant, below = _by_tenant(rows), _by_tenant(beneath)
        self.components = components
        self.edits = edits
        self.when_max_wait = when_max_wait
        self._tenants = {
            tenant: _TenantChains(tenant, chains, below.get(tenant, {}), components, when_max_wait)
            for tenant, chains in by_tenant.items()
        }
        same = previous is not None and previous.when_max_wait == when_max_wait
        if previous is not None and same and previous.components == components:
            for tenant, chains in self._tenants.items():
                if tenant in previous._tenants:
                    chains.take_over(previous._tenants[tenant])

    def compiled(self, tenant: str, chain: str) -> Compiled:
        """A serving chain, compiled. Raises ChainUnknown, ChainDisabled or ChainInvalid."""
        return self._of(tenant, chain).compiled(chain)

    def checked(self, tenant: str, chain: ChainText) -> tuple[Diagnostic, ...]:
        """Errors and warnings of a chain that the tenant would serve.

        For publishing: among the tenant's other chains, with its edited policies, and with the
        components of this deployment. Raises MetadataInvalid where edits no longer fit them.
        """
        if chain.name.startswith(RESERVED):
            return _reserved(chain.name, chain.text).diagnostics
        known = self._tenants.get(tenant)
        edited = partial(self.edits.merged, tenant)
        return check_chain(
            chain.name,
            chains={**(known.texts if known else {}), chain.name: chain},
            components=self.components,
            when_max_wait=self.when_max_wait,
            deployed=self.components,
            edited=lambda plan: edited_plan(plan, edited, self.components),
        )

    def routes(self, tenant: str) -> Mapping[str, Plan | ChainInvalid]:
        """The routes of the tenant's serving chains by chain, in the order of their names."""
        known = self._tenants.get(tenant)
        return known.routes() if known else {}

    def transactional(self, tenant: str, chain: str) -> bool:
        """Whether the chain runs as a saga unless the request says otherwise."""
        return self._of(tenant, chain).serving(chain).transactional

    def undo_policy(self, tenant: str, chain: str) -> UndoPolicy | None:
        """What the chain says of the other undos while one is blocked, if anything."""
        return self._of(tenant, chain).serving(chain).undo_policy

    def chains(self, tenant: str) -> Mapping[str, ChainRow]:
        """All chains of a tenant by name, also those that do not serve."""
        known = self._tenants.get(tenant)
        return MappingProxyType(known.rows if known else {})

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants that have a chain here."""
        return frozenset(self._tenants)

    def _of(self, tenant: str, chain: str) -> "_TenantChains":
        if tenant not in self._tenants:
            raise ChainUnknown(tenant, chain)
        return self._tenants[tenant]


class _TenantChains:
    """One tenant's chains; nothing in here can see another tenant's."""

    def __init__(
        self,
        tenant: str,
        rows: Mapping[str, ChainRow],
        beneath: Mapping[str, ChainRow],
        components: Mapping[str, ComponentPolicy],
        when_max_wait: int | None,
    ) -> None:
        self.rows = rows
        self._tenant = tenant
        self._components = components
        self._when_max_wait = when_max_wait
        self.texts = {
            row.name: ChainText(row.name, row.text, row.version, row.extends, row.route)
            for row in {**beneath, **rows}.values()
            if row.serving
        }
        self._routes: dict[str, Plan | ChainInvalid] = {}
        self._lock = threading.Lock()
        self._compiled: dict[str, Compiled] = {}
        self._invalid: dict[str, ChainInvalid] = {}

    def serving(self, chain: str) -> ChainRow:
        row = self.rows.get(chain)
        if row is None:
            near = get_close_matches(chain, self.texts, n=1)
            raise ChainUnknown(self._tenant, chain, near[0] if near else None)
        if not row.serving:
            raise ChainDisabled(self._tenant, chain)
        return row

    def compiled(self, chain: str) -> Compiled:
        row = self.serving(chain)
        if chain.startswith(RESERVED):
            raise _reserved(row.name, row.text)
        if (ready := self._compiled.get(chain)) is not None:
            return ready
        with self._lock:
            if chain not in self._compiled and chain not in self._invalid:
                try:
                    self._compiled[chain] = compile_chain(
                        chain,
                        chains=self.texts,
                        components=self._components,
                        when_max_wait=self._when_max_wait,
                    )
                except ChainInvalid as error:
                    self._invalid[chain] = error
            if (known := self._invalid.get(chain)) is not None:
                # A fresh one each time: an exception that several threads raise collects traces.
                raise ChainInvalid(chain, known.diagnostics)
            return self._compiled[chain]

    def routes(self) -> Mapping[str, Plan | ChainInvalid]:
        with self._lock:
            for name in sorted(self.rows):
                if name in self.texts and self.texts[name].routed and name not in self._routes:
                    self._routes[name] = self._route(name)
            return {name: self._routes[name] for name in sorted(self._routes)}

    def _route(self, chain: str) -> Plan | ChainInvalid:
        try:
            return compile_route(chain, chains=self.texts, components=self._components)
        except ChainInvalid as error:
            return error

    def take_over(self, before: "_TenantChains") -> None:
        """Keep the compiled form of every chain whose text, and what it includes, is the same."""
        same = {name for name, text in self.texts.items() if before.texts.get(name) == text}
        new = self.texts.keys() - before.texts.keys()
        for name, compiled in before._compiled.copy().items():
            # A new chain may bear the name of what was a component when this one was compiled.
            shadowed = new & compiled.plan.components.keys()
            if name in same and same.issuperset(compiled.includes) and not shadowed:
                self._compiled[name] = compiled
        for name, route in before._routes.copy().items():
            if name in same and isinstance(route, Plan):
                self._routes[name] = route


def _by_tenant(rows: Iterable[ChainRow]) -> Mapping[str, Mapping[str, ChainRow]]:
    found: dict[str, dict[str, ChainRow]] = defaultdict(dict)
    for row in rows:
        found[row.tenant][row.name] = row
    return found


def _reserved(chain: str, text: str) -> ChainInvalid:
    """A chain is a workflow type, and would be taken for one of the product's own."""
    findings = Findings(chain, text)
    words = f"names of chains that begin with '{RESERVED}' are reserved"
    findings.error("reserved_name", words, 0, 1, hint="give the chain another name")
    return ChainInvalid(chain, findings.diagnostics())
