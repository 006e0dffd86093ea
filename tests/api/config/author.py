"""Somebody who edits a tenant's rules over HTTP."""

from typing import Any, Final

import httpx2

CONFIG: Final = "/api/config"
GOOD: Final = "THEN(createOrder, pay);"
BETTER: Final = "THEN(createOrder, pay, notify);"
BAD: Final = "THEN(createOrder,\n  WHEN(pay notify);"


class Author:
    """One tenant's author; every call says who it is."""

    def __init__(self, http: httpx2.AsyncClient, tenant: str, name: str = "ann") -> None:
        self.http = http
        self.tenant = tenant
        self.headers = {"X-Tenant-Id": tenant, "X-Operator": name}

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> httpx2.Response:
        """Any request below `/api/config`."""
        return await self.http.request(
            method,
            f"{CONFIG}/{path}",
            json=body,
            headers=self.headers | (headers or {}),
            params={key: value for key, value in query.items() if value is not None} or None,
        )

    async def get(self, path: str, **query: Any) -> Any:
        """What must be there."""
        answer = await self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def done(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        """What must succeed."""
        answer = await self.send(method, path, body, **query)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def create(self, name: str, el: str = GOOD, **more: Any) -> Any:
        """A new chain, live unless it says otherwise."""
        return await self.done("POST", "chains", {"publish": True, "name": name, "el": el, **more})

    async def edit(self, name: str, version: int | None = None, **fields: Any) -> Any:
        """A change from the version of now, unless one is given."""
        if version is None:
            version = (await self.get(f"chains/{name}"))["version"]
        return await self.done("PUT", f"chains/{name}", {"version": version, **fields})

    async def changes(self, name: str, part: str = "chains") -> list[tuple[int, str]]:
        """Numbers and changes of the versions, the newest first."""
        items = (await self.get(f"{part}/{name}/versions"))["items"]
        return [(item["version"], item["change"]) for item in items]

    async def steps(self, chain: str) -> str:
        """What a start runs now, in memory."""
        answer = await self.http.post(
            f"/api/execute/{chain}", json={"item": "book", "price": 700}, headers=self.headers
        )
        found = answer.json()
        if answer.status_code != 200:
            return str(found["code"])
        return "==>".join(entry["component"] for entry in found["execution"]["stack"])


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]
