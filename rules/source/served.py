"""The rules of all served namespaces at one moment, and how they follow from what was read.

For the rule source, which swaps one for the next. The chains of the first namespace lie beneath
those of the others. Pure: nothing here asks the database but through `Earlier`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from rules.source.chains import TenantChains
from rules.source.deployment import Deployments
from rules.source.edits import Edits
from rules.source.keeping import Changes, Touched
from rules.source.past import Stored
from rules.source.plans import Plans
from rules.source.reading import Changed, Everything
from rules.source.repository import ChainRow
from rules.source.revision import Stand
from rules.source.scripts import ScriptRow
from rules.source.snapshot import Snapshot
from rules.source.tenant_scripts import ScriptChanges

Earlier: TypeAlias = Callable[[str, str], Stored]
"""Versions that somebody kept, by namespace and tenant."""


@dataclass(frozen=True, slots=True)
class Served:
    """Snapshots by namespace, the first one first. `mark` is their SHA as a number."""

    stand: Stand
    snapshots: Mapping[str, Snapshot]
    mark: int
    deployments: Deployments

    @property
    def sha(self) -> str:
        """The same for the same rules, in whatever order they came."""
        return f"{self.mark:064x}"

    @property
    def serving_sha(self) -> str | None:
        """The same where the same serves, also for what is held back; None until all was tried."""
        mark = self.mark
        for namespace, snapshot in self.snapshots.items():
            if next(snapshot.unsettled(), None) is not None:
                return None
            for tenant, chain, held in snapshot.all_held():
                mark ^= _number(f"{namespace}\n{tenant}\n{chain}\n{held.serves}")
        return f"{mark:064x}"

    @property
    def edits(self) -> Edits:
        """The edits of policies."""
        return next(iter(self.snapshots.values())).edits


def first_served(read: Everything, deployments: Deployments, plans: Plans) -> Served:
    """What is served at first. Nothing is compiled for it; no chain was tried."""
    mark = 0
    changes = deployments.scripts.differences(read.scripts)
    deployments = deployments.changed(changes)
    for script in deployments.scripts:
        mark ^= _mark("", script)
    snapshots: dict[str, Snapshot] = {}
    beneath: tuple[ChainRow, ...] = ()
    for namespace, given in read.chains.items():
        rows = tuple(given)
        snapshots[namespace] = Snapshot(
            rows,
            deployments.registered,
            edits=read.edits,
            beneath=beneath,
            plans=plans,
            namespace=namespace,
            deployments=deployments,
        )
        if len(snapshots) == 1:
            beneath = rows
        for row in rows:
            mark ^= _mark(namespace, row)
    return Served(read.stand, snapshots, mark, deployments)


def changes_of(before: Served, read: Everything | Changed) -> Touched:
    """The rows that are not as they were; those that were touched and are equal are left out."""
    known = before.deployments.scripts
    if isinstance(read, Everything):
        chains = _differences(before, read)
        return Touched(_real(before, chains), known.differences(read.scripts))
    return Touched(_real(before, read.chains), known.real(read.scripts))


def next_served(
    before: Served, read: Everything | Changed, touched: Touched, earlier: Earlier
) -> tuple[Served, int]:
    """What is served after something was read that made these changes, and how many chains and
    scripts differ. Tenants without a change are shared.
    """
    changes = _real(before, touched.chains)
    snapshots: dict[str, Snapshot] = {}
    beneath: tuple[Snapshot, Snapshot] | None = None
    mark, number, deployments = _other_scripts(before, touched.scripts)
    for namespace, snapshot in before.snapshots.items():
        own = changes.get(namespace, {})
        now = snapshot
        moved = beneath is not None and beneath[0] is not beneath[1]
        if own or moved or deployments is not before.deployments:
            now = snapshot.changed(own, partial(earlier, namespace), beneath, deployments)
        if read.edits is not None and read.edits != snapshot.edits:
            now = now.edited(read.edits)
        snapshots[namespace] = now
        beneath = beneath or (snapshot, now)
        for tenant, rows in own.items():
            number += len(rows)
            known = snapshot.chains(tenant)
            for name, row in rows.items():
                for one in (known.get(name), row):
                    mark ^= _mark(namespace, one) if one is not None else 0
    return Served(read.stand, snapshots, mark, deployments), number


def _other_scripts(before: Served, touched: ScriptChanges) -> tuple[int, int, Deployments]:
    """The mark after scripts have changed, how many have, and what chains are compiled for."""
    known, mark, number = before.deployments.scripts, before.mark, 0
    changes = known.real(touched)
    if not changes:
        return mark, 0, before.deployments
    for tenant, rows in changes.items():
        number += len(rows)
        for id, row in rows.items():
            for one in (known.own(tenant).get(id), row):
                mark ^= _mark("", one) if one is not None else 0
    return mark, number, before.deployments.changed(changes)


def rows_before(before: Served, changes: Touched) -> Touched:
    """What the changed chains and scripts of the tenants were."""
    chains = {
        namespace: {tenant: before.snapshots[namespace].chains(tenant) for tenant in tenants}
        for namespace, tenants in changes.chains.items()
    }
    scripts = before.deployments.scripts
    return Touched(chains, {tenant: scripts.own(tenant) for tenant in changes.scripts})


def settled(before: Served, chains: TenantChains) -> Served:
    """The same rules with one tenant's chains in another state."""
    namespace = chains.scope[0]
    snapshot = before.snapshots[namespace].replaced(chains)
    return replace(before, snapshots={**before.snapshots, namespace: snapshot})


def _differences(before: Served, read: Everything) -> Changes:
    """What is now there, and of what was there what is gone."""
    found: dict[str, dict[str, dict[str, ChainRow | None]]] = {}
    for namespace, rows in read.chains.items():
        gone = found.setdefault(namespace, {})
        snapshot = before.snapshots[namespace]
        for tenant in snapshot.tenants:
            gone[tenant] = dict.fromkeys(snapshot.chains(tenant))
        for row in rows:
            gone.setdefault(row.tenant, {})[row.name] = row
    return found


def _real(before: Served, changes: Changes) -> Changes:
    """The changes without rows that are as they were."""
    real: dict[str, dict[str, dict[str, ChainRow | None]]] = {}
    for namespace, tenants in changes.items():
        snapshot = before.snapshots[namespace]
        for tenant, rows in tenants.items():
            known = snapshot.chains(tenant)
            differ = {name: row for name, row in rows.items() if known.get(name) != row}
            if differ:
                real.setdefault(namespace, {})[tenant] = differ
    return real


def _mark(namespace: str, row: ChainRow | ScriptRow) -> int:
    """A script has no namespace."""
    return _number(f"{namespace}\n{row.sha}")


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest(), "big")
