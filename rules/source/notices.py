"""What is told of chains that are held back: to the log when it changes, to the status when asked.

For the rule source.
"""

from collections.abc import Iterator

import structlog

from rules.source.served import Served
from rules.source.status import Quarantined

_log = structlog.get_logger(__name__)


def quarantined(served: Served, tenant: str | None = None) -> Iterator[Quarantined]:
    """What is held back, of one tenant or of all."""
    for namespace, snapshot in served.snapshots.items():
        all_held = snapshot.all_held()
        if tenant is not None:
            all_held = ((tenant, chain, one) for chain, one in snapshot.held(tenant).items())
        for whose, chain, held in all_held:
            yield Quarantined(
                namespace=namespace,
                tenant=whose,
                chain=chain,
                version=held.version,
                serving=held.serving_version,
                since=held.since,
                diagnostics=held.diagnostics,
                stand_ins=held.stand_ins(chain),
            )


def tell_quarantine(before: Served, after: Served) -> None:
    """Log what is held back now, and what is so no more."""
    for namespace, snapshot in after.snapshots.items():
        if snapshot is before.snapshots[namespace]:
            continue
        for tenant in snapshot.differing(before.snapshots[namespace]):
            was, now = before.snapshots[namespace].held(tenant), snapshot.held(tenant)
            for chain in now.keys() - was.keys():
                held = now[chain]
                _log.error(
                    "chain_quarantined",
                    namespace=namespace,
                    tenant=tenant,
                    chain=chain,
                    version=held.version,
                    serving=held.serving_version,
                    stand_ins=[f"{one.type} {one.name}@{one.version}" for one in held.others],
                    why=held.diagnostics[0].message if held.diagnostics else "",
                )
            for chain in was.keys() - now.keys():
                _log.info("chain_healed", namespace=namespace, tenant=tenant, chain=chain)
