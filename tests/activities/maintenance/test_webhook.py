"""The webhook over a real socket: what counts as taken, and what its failures are called."""

import socket
from collections.abc import Iterator

import pytest

from activities.maintenance import webhook
from activities.maintenance.troubles import aborted_alert
from activities.maintenance.webhook import WebhookDown, WebhookError, WebhookRefused, post
from dev.processes import free_port
from rules.execution import Status
from tests.activities.mirror.sagas import Saga
from tests.workflows.hooks import Hook, open_hook

ALERT = aborted_alert(Saga("a").told(0, ended=1, status=Status.ABORTED).execution)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with open_hook() as hook:
        yield hook


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_taken(hook: Hook, status: int) -> None:
    hook.status = status
    post(hook.url, ALERT)
    assert hook.taken == [ALERT.model_dump(mode="json")]
    assert hook.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, WebhookRefused),
        (400, WebhookRefused),
        (404, WebhookRefused),
        (408, WebhookDown),
        (429, WebhookDown),
        (500, WebhookDown),
        (503, WebhookDown),
    ],
)
def test_not_taken(hook: Hook, status: int, error: type[WebhookError]) -> None:
    hook.status = status
    with pytest.raises(error, match=str(status)) as caught:
        post(hook.url, ALERT)
    assert hook.asked == 1
    assert "secret" not in str(caught.value)


def test_nobody_listens() -> None:
    with pytest.raises(WebhookDown, match="does not answer"):
        post(f"http://127.0.0.1:{free_port()}/hook", ALERT)


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(WebhookDown, match="does not answer"),
    ):
        post(f"http://127.0.0.1:{silent.getsockname()[1]}/hook", ALERT)
