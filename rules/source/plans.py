"""What was compiled lately: a bounded cache that all snapshots of a rule source share.

For the tenants' chains. An entry tells by itself whether it still holds: it remembers the texts
that went into it, so nobody has to find out what a change makes invalid. Knows no tenants' chains.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from rules.compiler import ChainText, Compiled
from rules.source.deployment import Deployment

MOST_PLANS: Final = 2_000

Scope: TypeAlias = tuple[str, str]
"""Namespace and tenant."""
Texts: TypeAlias = Mapping[str, ChainText]


@dataclass(frozen=True, slots=True)
class _Entry:
    compiled: Compiled
    deployment: Deployment
    texts: tuple[ChainText, ...]
    # Components that no chain hid by its name.
    plain: tuple[str, ...]

    def holds(self, texts: Texts, deployment: Deployment) -> bool:
        same = all(texts.get(text.name) == text for text in self.texts)
        known = self.deployment is deployment or self._fits(deployment)
        return same and known and not any(name in texts for name in self.plain)

    def _fits(self, deployment: Deployment) -> bool:
        """Whether the same would come of another deployment: of a tenant's other scripts."""
        if self.deployment == deployment:
            return True
        known, called = deployment.components, self.compiled.plan.components
        return (
            self.deployment.when_max_wait == deployment.when_max_wait
            and not any(text.name in known for text in self.texts[1:])
            # What it stands in for may be there now.
            and not any(policy.fallback for policy in called.values())
            and all(known.get(id) == policy for id, policy in called.items())
        )


class Plans:
    """Compiled chains, those that were asked for last."""

    def __init__(self, most: int = MOST_PLANS) -> None:
        self.most: Final = most
        self._entries: OrderedDict[tuple[Scope, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(
        self, scope: Scope, chain: str, texts: Texts, deployment: Deployment
    ) -> Compiled | None:
        """The chain as it was compiled from just these texts, if that is known still."""
        key = (scope, chain)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        return entry.compiled if entry is not None and entry.holds(texts, deployment) else None

    def keep(
        self,
        scope: Scope,
        compiled: Compiled,
        texts: Texts,
        deployment: Deployment,
    ) -> None:
        """Remember a chain that was compiled from these texts; the longest unused one may go."""
        chain = compiled.plan.chain
        plain = tuple(name for name in compiled.plan.components if name not in texts)
        entry = _Entry(compiled, deployment, tuple(_used(compiled, texts)), plain)
        with self._lock:
            self._entries[(scope, chain)] = entry
            self._entries.move_to_end((scope, chain))
            while len(self._entries) > self.most:
                self._entries.popitem(last=False)

    def clear(self) -> int:
        """Forget all of them; how many there were."""
        with self._lock:
            number = len(self._entries)
            self._entries.clear()
        return number


def _used(compiled: Compiled, texts: Texts) -> Iterator[ChainText]:
    yield texts[compiled.plan.chain]
    for name in sorted(compiled.includes):
        yield texts[name]
