"""The routes of a namespace, ready to be asked: compiled, with the policies that hold now.

For the API's decision tables. Reads only the snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from rules.errors import ChainInvalid, MetadataInvalid, RoutesUnknown
from rules.plan import Plan
from rules.source.edits import edited_plan
from rules.source.service import RuleSource


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of a namespace by chain, in the order of the chains' names.

    `broken` are those that cannot be asked, and why.
    """

    namespace: str
    plans: Mapping[str, Plan]
    broken: Mapping[str, ChainInvalid | MetadataInvalid]

    @property
    def chains(self) -> tuple[str, ...]:
        """Every chain that has a route."""
        return tuple(sorted((*self.plans, *self.broken)))


def current_routes(rules: RuleSource, tenant: str, namespace: str | None) -> Routes:
    """The tenant's current routes in a namespace; the first one that is served unless given.

    If there is none, the database is looked into once more. Raises RoutesUnknown and
    RulesUnavailable.
    """
    wanted = namespace or rules.namespaces[0]
    if wanted in rules.namespaces:
        found = _routes(rules, tenant, wanted)
        if not found.chains and rules.look_again():
            found = _routes(rules, tenant, wanted)
        if found.chains:
            return found
    raise RoutesUnknown(tenant, wanted, rules.namespaces)


def _routes(rules: RuleSource, tenant: str, namespace: str) -> Routes:
    snapshot = rules.snapshot_of(namespace)
    edit_of = partial(snapshot.edits.merged, tenant)
    plans: dict[str, Plan] = {}
    broken: dict[str, ChainInvalid | MetadataInvalid] = {}
    for chain, route in snapshot.routes(tenant).items():
        if isinstance(route, ChainInvalid):
            broken[chain] = route
            continue
        try:
            plans[chain] = edited_plan(route, edit_of, snapshot.components_of(tenant))
        except MetadataInvalid as error:
            broken[chain] = error
    return Routes(namespace, plans, broken)
