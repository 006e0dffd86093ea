"""Reaching a Temporal cluster: connect, check and register the search attributes.

For the composition roots and the command. Client settings come from `temporalio.envconfig`.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
import temporalio.api.operatorservice.v1 as operator
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.client import Client, GrpcCompression
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError

from activities.errors import ActivityError
from rules.wire import SEARCH_ATTRIBUTES

RETRY_SECONDS: Final = 2.0
DEFAULT_ADDRESS: Final = "127.0.0.1:7233"
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
VALUE_TYPES: Final = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}

log = structlog.get_logger("chainsaga.cluster")


class ClusterError(ActivityError):
    """The cluster is not prepared for sagas."""


async def connect(plugins: Sequence[SimplePlugin], *, lazy: bool = False) -> Client:
    """A client by the environment's settings; `lazy` connects at the first call.

    Raises RuntimeError when the cluster does not answer.
    """
    config = ClientConfig.load_client_connect_config()
    address = config.get("target_host") or DEFAULT_ADDRESS
    near = address.rsplit(":", 1)[0] in LOOPBACK
    return await Client.connect(
        address,
        namespace=config.get("namespace") or "default",
        api_key=config.get("api_key"),
        tls=config.get("tls"),
        rpc_metadata=config.get("rpc_metadata") or {},
        plugins=list(plugins),
        lazy=lazy,
        grpc_compression=GrpcCompression.NONE if near else GrpcCompression.GZIP,
    )


async def connect_when_up(plugins: Sequence[SimplePlugin], stop: asyncio.Event) -> Client | None:
    """A connected client as soon as the cluster answers; None when told to stop before."""
    while not stop.is_set():
        try:
            return await connect(plugins)
        except RuntimeError as error:
            log.warning(
                "Temporal does not answer, trying again", seconds=RETRY_SECONDS, why=str(error)
            )
        try:
            await asyncio.wait_for(stop.wait(), RETRY_SECONDS)
        except TimeoutError:
            continue
    return None


async def check_search_attributes(client: Client) -> None:
    """Raise ClusterError when the namespace lacks a search attribute that sagas write."""
    known = await client.operator_service.list_search_attributes(
        operator.ListSearchAttributesRequest(namespace=client.namespace)
    )
    wrong = [
        name
        for name, kind in SEARCH_ATTRIBUTES.items()
        if known.custom_attributes.get(name) != VALUE_TYPES[kind]
    ]
    if wrong:
        raise ClusterError(
            f"namespace '{client.namespace}' lacks the search attributes {', '.join(wrong)} "
            "(or has them with another type); every saga would be stuck. "
            "Register them with: chainsaga register-search-attributes"
        )


async def register_search_attributes(client: Client) -> None:
    """Register what sagas write; harmless where they exist. Raises ClusterError."""
    try:
        await client.operator_service.add_search_attributes(
            operator.AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={n: VALUE_TYPES[kind] for n, kind in SEARCH_ATTRIBUTES.items()},
            )
        )
    except RPCError as error:
        raise ClusterError(f"cannot register search attributes: {error.message}") from error
