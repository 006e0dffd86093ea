"""What people change of a component's policy, and how that becomes part of a plan.

For the freeze, the metadata's repository and the API. Pure: where edits are kept is not known.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from rules.checks.names import absorbable
from rules.errors import MetadataInvalid
from rules.plan import ComponentPolicy, FailurePolicy, Frozen, Plan, RetryPolicy
from rules.scripts import with_effects

DEFAULT_TENANT: Final = "0"
"""Whose rows hold for every tenant that has not changed the same field."""

FOREVER: Final = 30 * 86_400.0
LARGEST: Final[Mapping[str, float]] = {
    "timeout": FOREVER,
    "retry.attempts": 10_000,
    "retry.interval": FOREVER,
    "retry.backoff": 100,
    "retry.max_interval": FOREVER,
    "on_failure.rounds": 1_000,
    "on_failure.deadline": 12 * FOREVER,
}
"""Far above what anybody wants, and below what a timer or a count of Temporal can hold."""


class PolicyEdit(Frozen):
    """The fields that somebody changed; durations in seconds.

    Only what is set counts, and `None` counts for `compensate` alone: nothing undoes the step.
    """

    compensate: str | None = None
    compensate_when: Literal["unknown", "always"] | None = None
    retry: RetryPolicy | None = None
    timeout: float | None = Field(default=None, gt=0)
    on_failure: FailurePolicy | None = None

    @property
    def changes(self) -> dict[str, object]:
        """The changed fields with their values."""
        return {
            name: value
            for name, value in dict(self).items()
            if name in self.model_fields_set and (value is not None or name == "compensate")
        }


EDITABLE: Final = tuple(PolicyEdit.model_fields)
NO_EDIT: Final = PolicyEdit()

TenantEdits: TypeAlias = Mapping[str, PolicyEdit]
EditOf: TypeAlias = Callable[[str], PolicyEdit]


class Edits(BaseModel):
    """All edits of an application: by tenant, then by component.

    `unreadable` has those that say nothing, with the reason.
    """

    model_config = ConfigDict(frozen=True)

    by_tenant: Mapping[str, TenantEdits] = {}
    unreadable: Mapping[str, Mapping[str, str]] = {}

    def own(self, tenant: str, component: str) -> PolicyEdit:
        """What this very tenant has changed."""
        return self.by_tenant.get(tenant, {}).get(component, NO_EDIT)

    def merged(self, tenant: str, component: str) -> PolicyEdit:
        """What holds for the tenant: its own changes over those of the default tenant.

        Raises MetadataInvalid where one of them cannot be read.
        """
        for whose in (tenant, DEFAULT_TENANT):
            if problem := self.unreadable.get(whose, {}).get(component):
                raise MetadataInvalid(component, f"row of tenant {whose}", problem)
        below, above = self.own(DEFAULT_TENANT, component), self.own(tenant, component)
        if below is above:
            return below
        return PolicyEdit.model_validate({**below.changes, **above.changes})


NO_EDITS: Final = Edits()


def edited_plan(plan: Plan, edit_of: EditOf, known: Mapping[str, ComponentPolicy]) -> Plan:
    """The plan with its components as they were edited, and the compensations that this adds.

    Raises MetadataInvalid where an edit no longer fits what is registered.
    """
    edits = {id: edit for id in plan.components if (edit := edit_of(id)).changes}
    if not edits:
        return plan
    components = dict(plan.components)
    for id, edit in edits.items():
        components[id] = edited(components[id], edit, known)
        compensate = components[id].compensate
        if compensate is not None and compensate not in components:
            components[compensate] = edited(known[compensate], edit_of(compensate), known)
    return plan.model_copy(update={"components": components})


def edited(
    policy: ComponentPolicy, edit: PolicyEdit, known: Mapping[str, ComponentPolicy]
) -> ComponentPolicy:
    """The policy with the changes. Raises MetadataInvalid where they do not fit the components."""
    changed = with_effects(policy.model_copy(update=edit.changes))
    if changed.compensate is not None and changed.compensate not in known:
        near = get_close_matches(changed.compensate, known, n=1)
        mend = f"did you mean '{near[0]}'?" if near else "name one, or null for none"
        raise MetadataInvalid(
            policy.id, "compensate", f"no component '{changed.compensate}' is registered; {mend}"
        )
    undoing = known.get(changed.compensate or "")
    if undoing is not None and undoing.problem is not None:
        words = f"the script '{undoing.id}' cannot be used: {undoing.problem}"
        raise MetadataInvalid(policy.id, "compensate", words)
    if not absorbable(changed):
        raise MetadataInvalid(
            policy.id,
            "on_failure",
            "a condition cannot ignore that it has no answer; give it another strategy than "
            "IGNORE, and no default of skip",
        )
    return changed


def check_edit(
    policy: ComponentPolicy, edit: PolicyEdit, known: Mapping[str, ComponentPolicy]
) -> None:
    """Whether a new edit makes sense. Raises MetadataInvalid, with the field and the mend."""
    changed = edited(policy, edit, known)
    if "compensate" in edit.changes and changed.compensate is not None:
        if changed.compensate == policy.id:
            problem = "a component cannot undo itself; name another one, or null for none"
            raise MetadataInvalid(policy.id, "compensate", problem)
        if policy.read_only and changed.read_only:
            problem = "its code declares it read-only: there is nothing to undo; leave this out"
            raise MetadataInvalid(policy.id, "compensate", problem)
    for field, largest in LARGEST.items():
        value = _value(edit, field)
        if value is not None and not value <= largest:
            problem = f"{value:g} is too much; give at most {largest:g}"
            raise MetadataInvalid(policy.id, field, problem)


def _value(edit: PolicyEdit, field: str) -> float | None:
    name, _, inner = field.partition(".")
    value: object = dict(edit)[name]
    if inner and isinstance(value, BaseModel):
        value = dict(value)[inner]
    return value if isinstance(value, int | float) else None
