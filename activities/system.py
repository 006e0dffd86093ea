"""The product's own local activities: freeze a chain started by hand, tell the mirror.

For the worker's plugin. Their names begin with `chainsaga.`, which components may not use.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.mirror.writer import MirrorWriter
from rules.errors import RuleError, RulesUnavailable
from rules.source.freeze import freeze_current
from rules.source.service import RuleSource
from rules.wire import FREEZE_ACTIVITY, MIRROR_ACTIVITY, FreezeRequest, Frost, MirrorChange

MIRROR_WAIT: Final = 0.8


def system_activities(rules: RuleSource, writer: MirrorWriter) -> tuple[Callable[..., object], ...]:
    """The activities over this process's rules and mirror."""

    @activity.defn(name=FREEZE_ACTIVITY)
    async def freeze_chain(request: FreezeRequest) -> Frost:
        """Freeze the tenant's current chain; a chain that cannot run ends the workflow at once."""
        try:
            return await asyncio.to_thread(
                freeze_current, rules, request.tenant, request.chain, request.request
            )
        except RulesUnavailable:
            raise
        except RuleError as error:
            raise ApplicationError(
                str(error), type=type(error).__name__, non_retryable=True
            ) from error

    @activity.defn(name=MIRROR_ACTIVITY)
    async def mirror(change: MirrorChange) -> bool:
        """Queue the change and wait a moment for it to be written; it stays queued otherwise."""
        writer.put(change)
        return await asyncio.to_thread(writer.flush, MIRROR_WAIT)

    return freeze_chain, mirror
