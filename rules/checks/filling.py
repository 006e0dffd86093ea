"""Fills the text of a chain that extends another one, and says what keeps it from being filled.

For the checks, before parsing. What a placeholder is stands in `rules.templates`. Categories:
`placeholder_missing`, `unknown_base_chain`, `cyclic_extends`, `limit` (EL reference sections 8,
9.1 and 13).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rules.checks.resolve import did_you_mean
from rules.el.findings import Findings, quoted
from rules.templates import Written, fill, missing, placeholders, unfinished


@dataclass(frozen=True, slots=True)
class ChainText:
    """One chain as its author wrote it.

    `extends` names the chain whose text this one's definitions fill; `route` is a condition, by
    which the chain is chosen from others. A blank one is none.
    """

    name: str
    text: str
    version: int = 1
    extends: str | None = None
    route: str | None = None

    @property
    def routed(self) -> bool:
        """Whether it has a route."""
        return bool(self.route and self.route.strip())


class Filled(NamedTuple):
    """A chain's text, ready to be read if `findings` has no error.

    `bases` are the chains that it extends, directly or through others. `template`: placeholders
    are left in it, so that it is there to be extended only.
    """

    findings: Findings
    bases: tuple[str, ...] = ()
    template: bool = False


def filled(name: str, chains: Mapping[str, ChainText], most: int) -> Filled:
    """The text of the chain `name`, of at most so many characters. KeyError without `name`."""
    own = chains[name]
    if not own.extends:
        findings = Findings(name, own.text)
        return Filled(findings, (), _report_template(findings))
    line = {name: None}
    last = name
    while base := chains[last].extends:
        if base in line or base not in chains:
            return Filled(_broken([*line], base, chains), tuple(line)[1:])
        line[base] = None
        last = base
    bases = tuple(line)[1:]
    written = Written.by(last, chains[last].text)
    for extending in [*reversed(line)][1:]:
        child = Written.by(extending, chains[extending].text)
        # Before the text, which a missing value would leave as long as it is.
        if missing(written, child.text):
            return Filled(_incomplete(name, child, written, chains), bases)
        whole = fill(written, child, most)
        if whole is None:
            return Filled(_too_long(name, chains, most), bases)
        written = whole
    findings = Findings(name, written.text, written=written)
    template = _report_template(findings)
    return Filled(findings, bases, template)


def _report_template(findings: Findings) -> bool:
    """Report that placeholders are left, if some are."""
    keys: set[str] = set()
    if "{{" not in findings.text:
        return False
    for one in placeholders(findings.text):
        if one.key not in keys:
            keys.add(one.key)
            message = f"{quoted(findings.chain)} is a template: {_shown(one.key)} has no value"
            hint = "run a chain that extends it and says what stands there"
            findings.error("placeholder_missing", message, one.start, one.end, hint=hint)
    return bool(keys)


def _broken(line: list[str], base: str, chains: Mapping[str, ChainText]) -> Findings:
    """The findings of a chain whose line of bases has no end, or a wrong one."""
    name, last = line[0], line[-1]
    findings = Findings(name, chains[name].text)
    if base in line:
        circle = " -> ".join([*line, base])
        message = f"chains must not extend each other in a circle: {circle}"
        findings.error("cyclic_extends", message, 0, 1)
    else:
        through = "" if last == name else f", which {quoted(name)} extends through others,"
        message = f"{quoted(last)}{through} extends {quoted(base)}, and there is no such chain"
        hint = did_you_mean(base, chains)
        findings.error("unknown_base_chain", message, 0, 1, hint=hint)
    return findings


def _incomplete(
    name: str, child: Written, base: Written, chains: Mapping[str, ChainText]
) -> Findings:
    """The findings of a chain that lacks values, itself or one that it extends."""
    short, template = child.pieces[0].chain, chains[child.pieces[0].chain].extends
    findings = Findings(name, chains[name].text)
    there = Findings(template or "", base.text, written=base)
    for one in missing(base, child.text):
        key = _shown(one.key)
        message = f"{quoted(short)} extends {quoted(template or '')} and gives no value to {key}"
        hint = f"write {key} = ...; in {quoted(short)}"
        at = unfinished(child.text, one.key)
        if at is not None:
            hint = f"the value of {key} needs a ';' at its end"
        start = at if at is not None and short == name else 0
        findings.error("placeholder_missing", message, start, start + 1, hint=hint)
        words = f"here {quoted(short)} gives no value to {key}"
        there.error("placeholder_missing", words, one.start, one.end)
    findings.explain(there.diagnostics())
    return findings


def _too_long(name: str, chains: Mapping[str, ChainText], most: int) -> Findings:
    findings = Findings(name, chains[name].text)
    message = f"filled, the text has more than the {most} characters that are allowed"
    findings.error("limit", message, 0, 1)
    return findings


def _shown(key: str) -> str:
    return f"{{{{{key}}}}}" if len(key) <= 40 else f"{{{{{key[:40]}...}}}}"  # noqa: PLR2004
