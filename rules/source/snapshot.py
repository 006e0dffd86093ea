"""The chains of one application and namespace at one moment: immutable, sealed per tenant.

For the rule source, which swaps whole snapshots, and for the freeze. A snapshot after a change
shares with the one before it all tenants that did not change. Edits of policies are kept beside the
chains: they take part in the freeze, not in compiling. Knows no database.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from rules.compiler import ChainText, Compiled, check_chain
from rules.errors import ChainInvalid, ChainUnknown, Diagnostic
from rules.jobs import RESERVED
from rules.plan import ComponentPolicy, Plan
from rules.source.chains import NOTHING, Held, TenantChains, reserved, text_of
from rules.source.deployment import Deployments, rescripted
from rules.source.edits import NO_EDITS, Edits, edited_plan
from rules.source.past import NOTHING_STORED, Stored
from rules.source.plans import Plans, Texts
from rules.source.quarantine import settle, suspects_of
from rules.source.repository import ChainRow, UndoPolicy

TenantChanges: TypeAlias = Mapping[str, ChainRow | None]
"""Rows by name; None for a chain that is gone."""

NO_CHANGES: Final[TenantChanges] = MappingProxyType({})


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
        beneath: Iterable[ChainRow] = (),
        when_max_wait: int | None = None,
        plans: Plans | None = None,
        namespace: str = "",
        deployments: Deployments | None = None,
    ) -> None:
        below = _by_tenant(beneath)
        self._deployments = deployments or Deployments(components, when_max_wait)
        self.edits = edits
        self.namespace = namespace
        known = plans if previous is None else previous._plans
        self._plans: Plans = Plans() if known is None else known
        self._tenants: Mapping[str, TenantChains] = {
            tenant: self._new(tenant, chains, _texts(below.get(tenant, {})))
            for tenant, chains in _by_tenant(rows).items()
        }
        if previous is not None:
            for tenant, chains in self._tenants.items():
                if tenant in previous._tenants:
                    chains.carry_routes(previous._tenants[tenant])

    def _new(self, tenant: str, rows: Mapping[str, ChainRow], beneath: Texts) -> TenantChains:
        made = self._deployments.of(tenant)
        return TenantChains((self.namespace, tenant), rows, beneath, made, self._plans)

    def changed(
        self,
        changes: Mapping[str, TenantChanges],
        stored: Callable[[str], Stored] | None = None,
        beneath: "tuple[Snapshot, Snapshot] | None" = None,
        deployments: Deployments | None = None,
    ) -> "Snapshot":
        """This snapshot with other rows, by tenant; what does not compile is held back.

        `stored` gives earlier versions of a tenant's chains by name. `beneath` is what lies
        beneath these chains, before and after its own change. `deployments` have other scripts.
        """
        tenants = dict(self._tenants)
        new = self._with(tenants, deployments)
        for tenant in {*changes, *_differing(beneath), *new._rescripted()}:
            lower = beneath[1]._tenants.get(tenant) if beneath else None
            below = lower.texts if lower else NOTHING
            own = changes.get(tenant, NO_CHANGES)
            kept = stored(tenant) if stored else NOTHING_STORED
            now = new._after(tenant, own, below, beneath, kept)
            if now is None:
                tenants.pop(tenant, None)
            else:
                tenants[tenant] = now
        return new

    def _rescripted(self) -> list[str]:
        """Tenants whose components are not those that their chains were compiled for."""
        made = self._deployments
        return [t for t, chains in self._tenants.items() if made.of(t) is not chains.deployment]

    def _after(
        self,
        tenant: str,
        own: TenantChanges,
        below: Texts,
        beneath: "tuple[Snapshot, Snapshot] | None",
        stored: Stored,
    ) -> TenantChains | None:
        before = self._tenants.get(tenant)
        if before is None:
            rows = {name: row for name, row in own.items() if row is not None}
            return self._new(tenant, rows, below) if rows else None
        moved = _moved(beneath, tenant)
        made = self._deployments.of(tenant)
        after = before.changed(own, below, moved, made)
        if not after.rows:
            return None
        after.carry_routes(before)
        scripts = rescripted(before.deployment, made)
        suspects = suspects_of(after, {*own, *moved, *scripts})
        return settle(after, before, suspects, stored, settled=before.settled)

    def replaced(self, chains: TenantChains) -> "Snapshot":
        """This snapshot with another state of one tenant's same rows."""
        return self._with({**self._tenants, chains.scope[1]: chains})

    @property
    def deployments(self) -> Deployments:
        """What the chains are compiled for."""
        return self._deployments

    def rescripted(
        self, deployments: Deployments
    ) -> Iterator[tuple[TenantChains, TenantChains, frozenset[str]]]:
        """Tenants that these deployments give other scripts: their chains as they are and as they
        would be, to try something, and the components that differ.
        """
        found: dict[tuple[int, int], frozenset[str]] = {}
        for chains in self._tenants.values():
            made = deployments.of(chains.scope[1])
            # Most tenants have no scripts of their own, and one deployment between them.
            pair = (id(chains.deployment), id(made))
            if pair not in found:
                found[pair] = rescripted(chains.deployment, made)
            if found[pair]:
                before = chains.apart()
                yield before, before.changed(deployment=made), found[pair]

    def edited(self, edits: Edits) -> "Snapshot":
        """This snapshot with other edits of policies."""
        new = self._with(self._tenants)
        new.edits = edits
        return new

    def _with(
        self, tenants: Mapping[str, TenantChains], deployments: Deployments | None = None
    ) -> "Snapshot":
        new = object.__new__(Snapshot)
        new._deployments = deployments or self._deployments
        new.edits, new.namespace = self.edits, self.namespace
        new._plans, new._tenants = self._plans, tenants
        return new

    def compiled(self, tenant: str, chain: str) -> Compiled:
        """A serving chain, compiled. Raises ChainUnknown, ChainDisabled or ChainInvalid."""
        return self._of(tenant, chain).compiled(chain)

    def components_of(self, tenant: str) -> Mapping[str, ComponentPolicy]:
        """What a tenant's chains may name: the registered components, and its scripts."""
        return self._deployments.of(tenant).components

    def checked(
        self, tenant: str, chain: ChainText, *, others: Texts = NOTHING
    ) -> tuple[Diagnostic, ...]:
        """Errors and warnings of a chain that the tenant would serve.

        For publishing: among the tenant's other chains, with its edited policies, and with the
        components of this deployment. `others` stand for chains that are not served here. Raises
        MetadataInvalid where edits no longer fit them.
        """
        if chain.name.startswith(RESERVED):
            return reserved(chain.name, chain.text).diagnostics
        components = self.components_of(tenant)
        edited = partial(self.edits.merged, tenant)
        return check_chain(
            chain.name,
            chains={**others, **self.texts(tenant), chain.name: chain},
            components=components,
            when_max_wait=self._deployments.when_max_wait,
            deployed=components,
            edited=lambda plan: edited_plan(plan, edited, components),
        )

    def tried(self, tenant: str, chain: ChainText, *, others: Texts = NOTHING) -> Compiled:
        """A chain compiled as if the tenant served it, `others` as for `checked`.

        Raises ChainInvalid.
        """
        texts = {**others, **self.texts(tenant), chain.name: chain}
        return self._deployments.of(tenant).compile(chain.name, texts)

    def texts(self, tenant: str) -> Texts:
        """The texts that a chain of the tenant may include and extend."""
        known = self._tenants.get(tenant)
        return known.texts if known else {}

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

    def held(self, tenant: str) -> Mapping[str, Held]:
        """The tenant's chains that are held back, since they do not compile as they are."""
        known = self._tenants.get(tenant)
        return known.held if known else {}

    @property
    def tenants(self) -> frozenset[str]:
        """Tenants that have a chain here."""
        return frozenset(self._tenants)

    @property
    def size(self) -> int:
        """How many chains there are, of all tenants."""
        return sum(len(chains.rows) for chains in self._tenants.values())

    def tenant(self, tenant: str) -> TenantChains | None:
        """One tenant's chains, for the rule source."""
        return self._tenants.get(tenant)

    def unsettled(self) -> Iterator[TenantChains]:
        """Tenants of whose chains not every one was tried."""
        return (chains for chains in self._tenants.values() if not chains.settled)

    def all_held(self) -> Iterator[tuple[str, str, Held]]:
        """What is held back of all tenants: tenant, chain, and why."""
        for tenant, chains in self._tenants.items():
            for name, held in chains.held.items():
                yield tenant, name, held

    def differing(self, before: "Snapshot") -> frozenset[str]:
        """Tenants whose chains are not those of another snapshot."""
        if before._tenants is self._tenants:
            return frozenset()
        was, now = before._tenants, self._tenants
        return frozenset(t for t in was.keys() | now.keys() if was.get(t) is not now.get(t))

    def _of(self, tenant: str, chain: str) -> TenantChains:
        if tenant not in self._tenants:
            raise ChainUnknown(tenant, chain)
        return self._tenants[tenant]


def _differing(beneath: tuple[Snapshot, Snapshot] | None) -> Iterable[str]:
    """Tenants whose chains beneath have changed."""
    return () if beneath is None else beneath[1].differing(beneath[0])


def _moved(beneath: tuple[Snapshot, Snapshot] | None, tenant: str) -> frozenset[str]:
    """The chains beneath a tenant whose texts have changed."""
    if beneath is None:
        return frozenset()
    before, after = (one._tenants.get(tenant) for one in beneath)
    was, now = (one.texts if one else NOTHING for one in (before, after))
    if was is now:
        return frozenset()
    return frozenset(name for name in {*was, *now} if was.get(name) != now.get(name))


def _by_tenant(rows: Iterable[ChainRow]) -> Mapping[str, Mapping[str, ChainRow]]:
    found: dict[str, dict[str, ChainRow]] = defaultdict(dict)
    for row in rows:
        found[row.tenant][row.name] = row
    return found


def _texts(rows: Mapping[str, ChainRow]) -> Texts:
    return {name: text_of(row) for name, row in rows.items() if row.serving}
