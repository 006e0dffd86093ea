"""What was said aloud already, and what the webhook still waits for: the table of alerts.

For the job that raises alerts. An alert is a row before it is anything else, so it is raised once
whoever repeats the work; it counts as sent when the webhook has taken it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Engine, func, select, update
from sqlalchemy.exc import IntegrityError

from activities.mirror.tables import saga_alert
from rules.jobs import Alert, AlertKind

GIVEN_UP_AFTER: Final = timedelta(days=1)
"""An alert that the webhook has not taken for so long is old news."""

_ALERT: Final = saga_alert.c
_log = structlog.get_logger(__name__)


def alert_id(
    kind: AlertKind, tenant: str, execution_id: str, path: str | None, since: datetime
) -> str:
    """The same for the same trouble, whoever finds it, however often."""
    parts = (kind.value, tenant, execution_id, path or "", since.astimezone(UTC).isoformat())
    return sha256("\n".join(parts).encode()).hexdigest()[:40]


def known(engine: Engine, ids: Iterable[str]) -> set[str]:
    """Which of these were raised."""
    query = select(_ALERT.alert_id).where(_ALERT.alert_id.in_(list(ids)))
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())


def raise_alert(engine: Engine, alert: Alert) -> bool:
    """Raise an alert: a row, and an error line in the log. False if it was raised before."""
    row = {
        "alert_id": alert.id,
        "tenant_id": alert.tenant,
        "execution_id": alert.execution_id,
        "kind": alert.kind.value,
        "alert": alert,
        "raised_at": datetime.now(UTC),
    }
    try:
        with engine.begin() as connection:
            connection.execute(saga_alert.insert().values(row))
    except IntegrityError:
        return False
    told = alert.model_dump(mode="json", exclude={"text"}, exclude_defaults=True)
    _log.error("saga_alert", text=alert.text, **told)
    return True


def unsent(engine: Engine, limit: int) -> list[Alert]:
    """What the webhook has not taken yet, the oldest first."""
    query = select(_ALERT.alert).where(*_waiting()).order_by(_ALERT.raised_at, _ALERT.alert_id)
    with engine.connect() as connection:
        return [
            Alert.model_validate(alert)
            for alert in connection.execute(query.limit(limit)).scalars()
        ]


def count_unsent(engine: Engine) -> int:
    """How many the webhook has not taken yet."""
    with engine.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(saga_alert).where(*_waiting())
        ).scalar_one()


def mark_sent(engine: Engine, id: str) -> None:
    """The webhook has taken this one."""
    with engine.begin() as connection:
        connection.execute(
            update(saga_alert).where(_ALERT.alert_id == id).values(sent_at=datetime.now(UTC))
        )


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return _ALERT.sent_at.is_(None), _ALERT.raised_at > datetime.now(UTC) - GIVEN_UP_AFTER
