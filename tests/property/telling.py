"""A case in words, for whoever has to understand why it fails."""

from rules.plan import ComponentPolicy, FailureStrategy, StepNode
from tests.property.chains import nodes
from tests.property.model_case import Case, Script


def describe(case: Case) -> str:
    """The case in words."""
    lines = [case.text]
    names = {at: node.component for at, node in nodes(case.plan.root) if isinstance(node, StepNode)}
    for path, script in case.scripts.items():
        policy = case.plan.components[names[path]]
        lines.append(f"  {policy.id} ({path}): {_words(policy, script)}")
    lines.append(f"  undo_policy {case.undo_policy}")
    if (action := case.action) is not None:
        said = [f"{name}={value}" for name, value in action._asdict().items() if value is not None]
        lines.append(f"  the operator: {', '.join(said)}")
    return "\n".join(lines)


def _words(policy: ComponentPolicy, script: Script) -> str:
    failure, words = policy.on_failure, [f"{', '.join(script.acts)} in {script.takes:g} s"]
    if policy.kind != "common":
        words.append(f"answers {', then '.join(map(repr, script.answers))}")
    if script.only is not None:
        words.append(f"in pass {script.only} only")
    words.append(failure.strategy.value)
    if failure.strategy is FailureStrategy.RETRY:
        words.append(f"{failure.rounds} rounds then {failure.afterwards}")
    if failure.strategy is FailureStrategy.MANUAL or failure.afterwards == "MANUAL":
        words.append(f"{failure.default} after {failure.deadline:g} s")
    if policy.retry is not None and policy.retry.attempts > 1:
        words.append(f"{policy.retry.attempts} attempts")
    undo = f"undo {', '.join(script.undos)}" if policy.compensate else "no undo"
    words += [undo, policy.compensate_when if policy.compensate else ""]
    return "; ".join(word for word in (*words, "read-only" if policy.read_only else "") if word)
