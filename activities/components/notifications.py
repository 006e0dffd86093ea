"""Sample: the customer is told, unless the saga is undone. Its components are `async def`."""

import asyncio
from typing import Annotated

from pydantic import BaseModel
from sqlalchemy import Connection, delete, insert
from sqlalchemy.engine import Engine

from activities.barrier import once, undo_once
from activities.component import Ctx, Provided, Step, Undo, component, seconds
from activities.components.faults import after_effect, before_effect
from activities.components.shop import OrderRequest, messages, open_shop

Shop = Annotated[Engine, Provided(open_shop)]


class Message(BaseModel):
    """A message in the outbox."""

    key: str
    text: str


@component("notify", name="tell the customer", compensate="withdrawMessage", timeout=seconds(4))
async def notify(
    request: OrderRequest, order_id: Annotated[str, Ctx("order_id")], step: Step, shop: Shop
) -> Message:
    """Put a message into the outbox."""
    message = Message(key=step.key, text=f"{request.customer}: order {order_id} is on its way")

    def put(connection: Connection) -> Message:
        connection.execute(insert(messages).values(message_key=message.key, text=message.text))
        return message

    def work() -> Message:
        before_effect(request, step)
        sent = once(shop, step, Message, put)
        after_effect(request, step)
        return sent

    return await asyncio.to_thread(work)


@component("withdrawMessage")
async def withdraw_message(undo: Undo[Message], shop: Shop) -> None:
    """Take the message out of the outbox again, if `notify` put it there."""

    def withdraw(connection: Connection, message: Message) -> None:
        connection.execute(delete(messages).where(messages.c.message_key == message.key))

    await asyncio.to_thread(undo_once, shop, undo, Message, withdraw)
