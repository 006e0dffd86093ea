"""Components for the tests of the lint, each with one trait, and `linted`."""

from rules.compiler import ChainText, compile_chain
from rules.errors import Diagnostic
from rules.lint.table import CODES
from rules.plan import (
    ComponentPolicy,
    FailurePolicy,
    FailureStrategy,
    Needs,
    RetryPolicy,
)

MANUAL = FailurePolicy(strategy=FailureStrategy.MANUAL)
RETRY_THEN_MANUAL = FailurePolicy(strategy=FailureStrategy.RETRY, afterwards="MANUAL")
IGNORE = FailurePolicy(strategy=FailureStrategy.IGNORE)
WHOLE = Needs(whole_context=True)

COMPONENTS = {
    policy.id: policy
    for policy in (
        ComponentPolicy(id="book", compensate="unbook"),
        ComponentPolicy(id="pay", compensate="refund"),
        ComponentPolicy(id="unbook"),
        ComponentPolicy(id="refund"),
        ComponentPolicy(id="write"),
        ComponentPolicy(id="send"),
        ComponentPolicy(id="look", read_only=True),
        ComponentPolicy(id="ship", irreversible=True),
        ComponentPolicy(id="tell", on_failure=IGNORE, read_only=True),
        ComponentPolicy(id="ask", on_failure=MANUAL, read_only=True),
        ComponentPolicy(id="askAtLast", on_failure=RETRY_THEN_MANUAL, read_only=True),
        ComponentPolicy(id="all", needs=WHOLE, read_only=True),
        ComponentPolicy(id="all2", needs=WHOLE, read_only=True),
        ComponentPolicy(id="key", needs=Needs(context_keys=("k",)), read_only=True),
        ComponentPolicy(id="slow", timeout=61, read_only=True),
        ComponentPolicy(id="stubborn", timeout=16, retry=RetryPolicy(attempts=4), read_only=True),
        ComponentPolicy(id="x", kind="boolean", read_only=True),
        ComponentPolicy(id="s", kind="switch", read_only=True),
        ComponentPolicy(id="n", kind="for", read_only=True),
        ComponentPolicy(id="it", kind="iterator", read_only=True),
    )
}
CHAINS = {"sub": ChainText("sub", "THEN(write, look)")}


def linted(text: str, deployed: frozenset[str] | None = None) -> list[Diagnostic]:
    """What the lint alone says of a chain."""
    chains = {**CHAINS, "main": ChainText("main", text)}
    compiled = compile_chain("main", chains=chains, components=COMPONENTS)
    return [one for one in compiled.linted(deployed) if one.category in CODES]
