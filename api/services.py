"""What the routers work with, made once per process by `api.app`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from activities.mirror.hot import HotState
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.registry import Component
from activities.runner import Runner
from api.config.service import FlowConfigService
from api.links import LinkMaker
from api.sagas import Sagas
from rules.source.metadata import MetadataRepository
from rules.source.service import RuleSource


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Everything behind the routers."""

    sagas: Sagas
    reader: MirrorReader
    writer: MirrorWriter
    hot: HotState | None
    rules: RuleSource
    metadata: MetadataRepository
    components: Mapping[str, Component]
    runner: Runner
    links: LinkMaker
    config: FlowConfigService


def services_of(request: Request) -> ApiServices:
    """The services of the app that serves this request."""
    services: ApiServices = request.app.state.services
    return services


Services = Annotated[ApiServices, Depends(services_of)]
