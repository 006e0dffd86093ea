"""Private database servers: found or asked for in clear words, suspended, killed, started again."""

import os
from pathlib import Path

import pytest
import redis

from dev.database_programs import (
    DatabaseMissingError,
    find_mariadb,
    find_redis,
    mariadb_programs,
    redis_program,
)
from dev.databases import mariadb, redis_server


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_mariadb_keeps_its_data_over_a_crash_and_over_the_block(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 20)  # longer than a socket's path may be
    with mariadb(home) as server:
        server.create("shop")
        server.execute("CREATE TABLE shop.goods (name VARCHAR(20)) CHARACTER SET utf8mb4")
        server.execute("INSERT INTO shop.goods VALUES ('📚')")
        first = server.process
        server.kill()
        assert first.exit_code is not None
        server.start()
        assert server.process.pid != first.pid
        assert server.execute("SELECT name FROM shop.goods") == (("📚",),)
        assert server.url_for("shop").endswith(f"@127.0.0.1:{server.port}/shop")
        last = server.process
        server.suspend()
    assert last.exit_code == 0, "it ended in order, although it was suspended"
    with mariadb(home) as server:
        assert server.execute("SELECT name FROM shop.goods") == (("📚",),)
        server.create("shop")
        assert server.execute("SHOW TABLES FROM shop") == ()


def test_redis_comes_back_on_its_port(tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        client.set("a", "b")
        server.suspend()
        server.resume()
        assert client.get("a") == b"b"
        server.kill()
        server.start()
        assert client.get("a") is None
    assert server.process.exit_code == 0


def test_where_programs_are_found(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path / "bin")}
    assert find_mariadb(nowhere, ()) is None
    assert find_redis(nowhere, ()) is None
    mysqld = program(tmp_path / "sbin" / "mysqld")
    found = find_mariadb(nowhere, (str(mysqld.parent),))
    assert found is not None
    assert (found.server, found.installer) == (mysqld, None)
    installer = program(tmp_path / "bin" / "mariadb-install-db")
    on_path = program(tmp_path / "bin" / "mariadbd")
    found = find_mariadb(nowhere, (str(mysqld.parent),))
    assert found is not None
    assert (found.server, found.installer) == (on_path, installer)
    chosen = program(tmp_path / "mine" / "any-name")
    assert find_redis(nowhere | {"CHAINSAGA_REDIS": str(chosen)}, ()) == chosen


def test_an_error_says_how_to_mend_it(tmp_path: Path) -> None:
    nowhere = {"PATH": os.fspath(tmp_path)}
    with pytest.raises(DatabaseMissingError, match="CHAINSAGA_MARIADB") as caught:
        mariadb_programs(nowhere, ())
    assert "mariadb-server-core" in str(caught.value)
    with pytest.raises(DatabaseMissingError, match="redis-server"):
        redis_program(nowhere, ())
    with pytest.raises(DatabaseMissingError, match="not a program"):
        find_redis({"CHAINSAGA_REDIS": str(tmp_path / "absent")})
