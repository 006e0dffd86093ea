"""What the configuration offers for chains and components alike: moves, rollback, versions, end.

For their two routers. HTTP in and out only; what a change does stands in `api.config.service`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from api.config.calls import Calling, Cursor, Limit, Said, Version
from api.config.schemas import Gone, Move, Rollback, VersionPage, VersionView
from api.config.service import FlowConfigService
from api.config.views import gone, version_fields
from api.schemas import refusals
from api.services import Services
from rules.config.history import Kept
from rules.config.kinds import Key, Kind
from rules.config.writing import Written

READ: Final = refusals(400, 404, 409, 422, 503)
CHANGED: Final = refusals(400, 404, 409, 422, 428, 503)

MOVES: Final = {
    "publish": "Let the draft of a {} serve. Needs the version that you have read",
    "unpublish": "Serve a {} no more: it is a draft then, or what its draft was",
    "enable": "Let a published {} serve again",
    "disable": "Serve a {} no more, without a change of what it is; its draft stays",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """How one kind is addressed and shown."""

    kind: Kind
    key_of: Callable[..., Key]
    written: type[BaseModel]
    version: type[BaseModel]
    show: Callable[[FlowConfigService, Written], BaseModel]
    show_version: Callable[[Kept], BaseModel]

    def answer(self, config: FlowConfigService, written: Written, response: Response) -> BaseModel:
        """What a change has become, with its ETag."""
        response.headers["ETag"] = etag(written.standing.version)
        return self.show(config, written)


def etag(version: int) -> str:
    """What If-Match takes."""
    return f'"{version}"'


def install(router: APIRouter, shown: Shown) -> None:
    """Add the endpoints to a kind's router."""
    _install_moves(router, shown)
    _install_ends(router, shown)
    _install_drafts(router, shown)
    _install_versions(router, shown)


def _install_moves(router: APIRouter, shown: Shown) -> None:
    kind = shown.kind

    def moving(move: str) -> Callable[..., BaseModel]:
        def endpoint(
            key: Annotated[Key, Depends(shown.key_of)],
            services: Services,
            caller: Calling,
            response: Response,
            body: Move | None = None,
        ) -> BaseModel:
            said = body or Move()
            call = caller.call(said, version=said.version)
            written = services.config.move(kind, key, call, move)
            return shown.answer(services.config, written, response)

        return endpoint

    for move, words in MOVES.items():
        summary = words.format(kind.word)
        router.post(
            f"/{{name}}/{move}",
            response_model=shown.written,
            responses=CHANGED,
            summary=summary.partition(".")[0],
            description=f"{summary}. What is so already stays so, without a new version.",
            operation_id=f"{move}_{kind.word}",
        )(moving(move))


def _install_ends(router: APIRouter, shown: Shown) -> None:
    kind, word = shown.kind, shown.kind.word

    @router.post(
        "/{name}/rollback",
        response_model=shown.written,
        responses=CHANGED,
        summary=f"Roll a {word} back",
        operation_id=f"roll_back_{word}",
    )
    def roll_back(
        key: Annotated[Key, Depends(shown.key_of)],
        body: Rollback,
        services: Services,
        caller: Calling,
        response: Response,
    ) -> BaseModel:
        """Make a new version of what an earlier one was; no version ever changes.

        Also of what was deleted. It names its base by If-Match only, and need not.
        """
        written = services.config.roll_back(
            kind, key, caller.call(body), body.version, live=body.publish
        )
        return shown.answer(services.config, written, response)


def _install_drafts(router: APIRouter, shown: Shown) -> None:
    kind, word = shown.kind, shown.kind.word

    @router.delete(
        "/{name}/draft",
        response_model=shown.written,
        responses=CHANGED,
        summary=f"Give up the draft of a {word}",
        operation_id=f"discard_draft_of_{word}",
    )
    def discard(
        key: Annotated[Key, Depends(shown.key_of)],
        services: Services,
        caller: Calling,
        said: Said,
        response: Response,
    ) -> BaseModel:
        """Give up the draft beside what is live; it stays among the versions."""
        written = services.config.discard(kind, key, caller.plain(said))
        return shown.answer(services.config, written, response)

    @router.delete(
        "/{name}",
        response_model=Gone,
        responses=CHANGED,
        summary=f"Delete a {word}",
        operation_id=f"delete_{word}",
    )
    def delete(
        key: Annotated[Key, Depends(shown.key_of)],
        services: Services,
        caller: Calling,
        said: Said,
        *,
        force: bool = False,
    ) -> Gone:
        """Delete it. Its versions are kept, and a rollback to one of them brings it back."""
        written = services.config.remove(kind, key, caller.plain(said, force=force))
        return gone(services.config, key.name, written)


def _install_versions(router: APIRouter, shown: Shown) -> None:
    kind, word = shown.kind, shown.kind.word

    @router.get(
        "/{name}/versions",
        response_model=VersionPage,
        responses=READ,
        summary=f"Versions of a {word}",
        operation_id=f"versions_of_{word}",
    )
    def versions(
        key: Annotated[Key, Depends(shown.key_of)],
        services: Services,
        *,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> VersionPage:
        """Who changed it, when, how and why; the newest first, also of what was deleted."""
        found = services.config.versions(kind, key, limit + 1, cursor)
        items = [VersionView.model_validate(version_fields(one)) for one in found[:limit]]
        more = len(found) > limit
        return VersionPage(items=items, next_cursor=str(items[-1].version) if more else None)

    @router.get(
        "/{name}/versions/{version}",
        response_model=shown.version,
        responses=READ,
        summary=f"A version of a {word}",
        operation_id=f"version_of_{word}",
    )
    def version(
        key: Annotated[Key, Depends(shown.key_of)], version: Version, services: Services
    ) -> BaseModel:
        """A version, whole."""
        return shown.show_version(services.config.version(kind, key, version))
