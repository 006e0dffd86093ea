"""Which rules a process serves, and from where: what the settings say of it.

For the settings and the opening of the rules; so API and worker cannot differ. Knows no SQLAlchemy.
"""

from dataclasses import dataclass, field

from rules.source.naming import RuleNames


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """`chosen` is `database` or `files:DIR`; `further` are namespaces whose routes are asked for.

    `when_max_wait` is the limit, in milliseconds, of a WHEN that says none itself. `most_plans` is
    how many chains are kept compiled.
    """

    chosen: str
    application: str
    namespace: str
    default_tenant: str
    further: tuple[str, ...] = ()
    when_max_wait: int | None = None
    names: RuleNames = field(default_factory=RuleNames)
    most_plans: int = 2000
