"""How a process writes its log: one line an event, for people or as JSON, to standard output.

For the composition roots, once at start. Tracebacks are plain: values of local variables do not
belong in a log, and rendering them can hold up an event loop for seconds.
"""

import logging
import sys

import structlog


def configure_logging(*, as_json: bool) -> None:
    """Set up structlog, and the standard library's logging (Temporal's, uvicorn's) beside it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        ending: list[structlog.typing.Processor] = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ]
    else:
        plain = structlog.dev.plain_traceback
        ending = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    structlog.configure(processors=[*shared, *ending], cache_logger_on_first_use=False)
    handler = logging.StreamHandler(sys.stdout)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
