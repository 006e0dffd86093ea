"""Who asks for a change of the rules and under which conditions, from headers and body.

For the routers of the configuration.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query, Request
from pydantic import JsonValue

from api.config.schemas import LARGEST, Change
from api.config.service import Call
from rules.config.errors import ConfigInvalid
from rules.request_sha import request_sha

_ETAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"')
OPERATOR_LENGTH: Final = 128

Before = Annotated[str, Query(alias="from", description="a version, or `live`, `draft`, `newest`")]
After = Annotated[str, Query(alias="to", description="the same")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before")]
Version = Annotated[int, Path(ge=1, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class InQuery:
    """What a request without a body says of its change."""

    operator: str | None
    reason: str | None
    version: int | None


def said_of(
    version: Annotated[
        int | None, Query(ge=0, le=LARGEST, description="the version that you have read")
    ] = None,
    operator: Annotated[
        str | None, Query(max_length=OPERATOR_LENGTH, description="who changes it")
    ] = None,
    reason: Annotated[str | None, Query(max_length=500, description="why")] = None,
) -> InQuery:
    """What the query says."""
    return InQuery(operator, reason, version)


@dataclass(frozen=True, slots=True)
class Caller:
    """What the headers say."""

    operator: str | None
    if_match: str | None
    request_key: str | None
    what: str

    def call(self, body: Change, *, version: int | None = None) -> Call:
        """The call with what the body says. Raises ConfigInvalid."""
        return self._call(
            body.operator,
            body.reason,
            version,
            force=getattr(body, "force", False),
            sent=body.model_dump(mode="json", exclude_unset=True),
        )

    def plain(self, said: InQuery, *, force: bool = False) -> Call:
        """The call of a request without a body. Raises ConfigInvalid."""
        return self._call(said.operator, said.reason, said.version, force=force, sent=None)

    def _call(
        self,
        operator: str | None,
        reason: str | None,
        version: int | None,
        *,
        force: bool,
        sent: JsonValue,
    ) -> Call:
        who = operator or self.operator or "api"
        if len(who) > OPERATOR_LENGTH:
            raise ConfigInvalid("X-Operator", f"at most {OPERATOR_LENGTH} characters")
        return Call(
            operator=who,
            reason=reason,
            version=self._version(version),
            force=force,
            request_key=self.request_key,
            request_sha=request_sha(self.what, sent),
        )

    def _version(self, given: int | None) -> int | None:
        if self.if_match is None:
            return given
        found = _ETAG.fullmatch(self.if_match.strip())
        if found is None:
            raise ConfigInvalid("If-Match", 'one ETag that an answer had, such as "3"')
        matched = int(found[1])
        if given is not None and given != matched:
            raise ConfigInvalid("If-Match", f"it says version {matched}, the request {given}")
        return matched


def caller_of(
    request: Request,
    x_operator: Annotated[
        str | None, Header(description="who changes it, where the body does not say")
    ] = None,
    if_match: Annotated[
        str | None, Header(description="the ETag of what you have read, in place of `version`")
    ] = None,
    idempotency_key: Annotated[
        str | None, Header(description="yours: the request is carried out once under it")
    ] = None,
) -> Caller:
    """What the headers say."""
    what = f"{request.method} {request.url.path}"
    return Caller(x_operator, if_match, idempotency_key, what)


Calling = Annotated[Caller, Depends(caller_of)]
Said = Annotated[InQuery, Depends(said_of)]
