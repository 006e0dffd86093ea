"""Sends one alert to the webhook: an HTTP POST of its JSON.

For the job that raises alerts, on a thread. The URL may hold a secret, so it is in no message.
"""

import http.client
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from activities.errors import ActivityError
from rules.jobs import Alert

ANSWER_SECONDS: Final = 10.0


class WebhookError(ActivityError):
    """The webhook did not take an alert."""


class WebhookDown(WebhookError):
    """The webhook does not answer, or says that it cannot now: no other alert would be taken."""


class WebhookRefused(WebhookError):
    """The webhook answers, and does not want this alert."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET, and look taken."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = build_opener(_NoRedirect())


def post(url: str, alert: Alert) -> None:
    """Send it; any answer 2xx means taken. Raises WebhookDown and WebhookRefused."""
    request = Request(
        url,
        data=alert.model_dump_json().encode(),
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "chainsaga",
            "Idempotency-Key": alert.id,
        },
    )
    try:
        with _opener.open(request, timeout=ANSWER_SECONDS):
            return
    except HTTPError as error:
        error.close()
        words = f"the webhook answered {error.code}"
        if error.code >= http.client.INTERNAL_SERVER_ERROR or error.code in _LATER:
            raise WebhookDown(words) from None
        raise WebhookRefused(words) from None
    except URLError as error:
        raise WebhookDown(f"the webhook does not answer: {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise WebhookDown(f"the webhook does not answer: {type(error).__name__}") from None


_LATER: Final = (http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS)
