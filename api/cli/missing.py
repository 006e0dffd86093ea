"""Which components chains need that this deployment does not have, and of what kind.

For `import`: in LiteFlow they are Java classes, here each is a Python component of the same id.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from api.cli.assumed import assume
from rules.checks.chains import ChainText
from rules.files.definitions import SCRIPTS, Definitions
from rules.plan import ComponentPolicy
from rules.source.bringing import Bringing


@dataclass(frozen=True, slots=True)
class Missing:
    """A component to be written; `kind` as its place in the chains or its node wants it."""

    id: str
    kind: str
    class_name: str | None = None

    def __str__(self) -> str:
        return f"{self.id} ({self.kind}{', ' + self.class_name if self.class_name else ''})"


def missing_components(
    found: Definitions, bringing: Bringing, components: Mapping[str, ComponentPolicy]
) -> tuple[Missing, ...]:
    """What chains of the files name and nodes say to be there, and is not, by id."""
    classes = {node.id: node.class_name for node in found.nodes}
    types = {node.id: node.type for node in found.nodes if node.type not in (None, *SCRIPTS)}
    scripts = {node.id for node in found.nodes if node.type in SCRIPTS}
    texts = {
        one.chain.id: ChainText(one.chain.id, one.chain.text, 1, one.chain.extends, one.chain.route)
        for one in bringing.chains
    }
    kinds: dict[str, str] = {}
    for one in bringing.chains:
        unknown = any(found.category == "unknown_ref" for found in one.diagnostics)
        if unknown:
            for name, assumed in assume(one.chain.id, texts).items():
                kinds.setdefault(name, assumed.kind)
    kinds |= {node.id: kinds.get(node.id, "common") for node in found.nodes}
    return tuple(
        Missing(name, types.get(name) or kind, classes.get(name))
        for name, kind in sorted(kinds.items())
        if name not in components and name not in scripts and name not in texts
    )
