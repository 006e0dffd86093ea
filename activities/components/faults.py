"""Failures that a request can ask of a sample component.

For trying out what a saga does; real components have real failures.
"""

import time

from activities.component import Refused, Step
from activities.components.shop import Fault, OrderRequest


def before_effect(request: OrderRequest, step: Step) -> None:
    """Refuse, where the request asks for it."""
    fault = _fault(request, step)
    if fault == "refuse" or (fault == "timeout_then_refuse" and step.attempt > 1):
        raise Refused(f"{step.component} was asked to refuse", code="ASKED_TO_REFUSE")


def after_effect(request: OrderRequest, step: Step) -> None:
    """Lose the answer, where the request asks for it."""
    fault = _fault(request, step)
    if fault == "error_after":
        raise ConnectionError(f"{step.component} lost its answer, as asked")
    if fault in ("timeout_after", "timeout_then_refuse"):
        # Temporal may notice a time-out up to a second late.
        time.sleep(step.timeout + 1.5)


def _fault(request: OrderRequest, step: Step) -> Fault | None:
    if step.tag is not None and (fault := request.faults.get(f"{step.component}:{step.tag}")):
        return fault
    return request.faults.get(step.component)
