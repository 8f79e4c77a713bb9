"""Logs: structlog events on stderr; one request id runs from the first header to the worker's last line."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from services.shared.settings import LogFormat, Settings

_NOISY = ("sqlalchemy.engine", "httpx", "httpcore", "kombu", "amqp", "celery.redirected")
# Their lines of each task say again what `job.claimed` and its end say, and every few seconds that nothing had to be put right.
_REPEATING = ("celery.beat", "celery.worker.strategy", "celery.app.trace")


def configure_logs(settings: Settings, *, service: str) -> None:
    """Send structlog and the standard library's logging through one formatter; `service` is on every line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _of(service),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if settings.log_format is LogFormat.JSON else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in (*_NOISY, *_REPEATING):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("celery.worker").addFilter(_is_news)
    structlog.contextvars.clear_contextvars()


def bind(**values: Any) -> None:
    """Put values on every later line of this context (request or task)."""
    structlog.contextvars.bind_contextvars(**values)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger; events are named `noun.verb`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of Celery's says more than that the worker stops as it should."""
    return not str(record.msg).startswith("Initiating Soft Shutdown")


def _of(service: str) -> structlog.typing.Processor:
    """Name the service in every thread; a context variable is known only in the thread that bound it."""

    def add(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return add
