"""docker-compose.yml: its rules, and each of our services run natively as it says."""

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis
import typer.main
from cryptography.hazmat.primitives.asymmetric import rsa
from ruamel.yaml import YAML
from sqlalchemy import make_url

from api.cli.processes import app
from dev import temporal_server as launcher
from dev.databases import DatabaseServer, RedisServer, mariadb, redis_server
from dev.jvm import worker_jar
from dev.processes import ChildProcess, free_port, log_tail, running, wait_until
from dev.stack import ROOT
from dev.temporal_server import HOST, DevServer, dev_server
from dev.tools import temporal_binary
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from settings import Settings
from worker import MIRROR_GRACE

FILE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "dev" / "Dockerfile").read_text().replace("\\\n", " ")
JVM_DOCKERFILE = (ROOT / "dev" / "jvm.Dockerfile").read_text()
STACK: Any = YAML(typ="safe").load(FILE)
SERVICES: dict[str, Any] = STACK["services"]
JVM = "jvm-worker"
OURS = {name: one for name, one in SERVICES.items() if "build" in one and name != JVM}
DURABLE = "unless-stopped"
ONCE = "no"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<kind>:\?|:-)(?P<rest>[^}]*)\}|\$\$")
ADDED_BY_IMAGE = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
SECONDS = 20.0

every = pytest.mark.parametrize("name", SERVICES)
ours = pytest.mark.parametrize("name", OURS)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The text as Compose hands it over."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        given = values.get(match["name"], "")
        if not given and match["kind"] == ":?":
            raise KeyError(match["name"])
        return given or match["rest"]

    return VARIABLE.sub(value, template)


def required() -> set[str]:
    return {match["name"] for match in VARIABLE.finditer(FILE.read_text()) if match["kind"] == ":?"}


def strings(part: object) -> Iterator[str]:
    """Every text in a part of the file, keys aside."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from strings(value)
    elif isinstance(part, list):
        for value in part:
            yield from strings(value)


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


# -- What is written ---------------------------------------------------------------------------


def test_it_follows_the_compose_specification() -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    command: list[str | Path] = [program, "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_that_the_stack_needs_is_there() -> None:
    images = [service["image"].partition(":")[0] for service in SERVICES.values()]
    for image in ("temporalio/auto-setup", "temporalio/ui", "postgres", "mysql", "redis"):
        assert images.count(image) == 1
    assert list(OURS) == ["migrate", "register-search-attributes", "api", "worker"]
    assert all(OURS[name]["build"] == OURS["api"]["build"] for name in OURS)
    assert all(OURS[name]["image"] == OURS["api"]["image"] for name in OURS)


@every
def test_an_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:(local|v?\d+\.\d+[\w.-]*)", filled(SERVICES[name]["image"], {}))


@every
def test_it_is_kept_running_or_runs_once_before_others(name: str) -> None:
    waiters = [
        needs[name]["condition"]
        for needs in (service.get("depends_on", {}) for service in SERVICES.values())
        if name in needs
    ]
    restart = SERVICES[name]["restart"]
    assert restart in (DURABLE, ONCE)
    assert (restart == ONCE) == ("service_completed_successfully" in waiters)
    if "service_healthy" in waiters:
        assert "healthcheck" in SERVICES[name]


@every
def test_it_waits_for_services_that_exist(name: str) -> None:
    assert set(SERVICES[name].get("depends_on", {})) <= set(SERVICES)


@every
def test_ports_are_of_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert "network_mode" not in service
    for port in service.get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port)


@every
def test_passwords_come_from_outside(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    for variable, value in environment.items():
        if re.search("PASSWORD|PWD|SECRET|TOKEN|KEY", variable):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), variable
    for text in strings(SERVICES[name]):
        for password in re.findall(r"://[^/@\s]*?:([^@]+)@", text):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", password)


@every
def test_every_file_it_names_is_one_that_it_declares(name: str) -> None:
    volumes = [volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])]
    assert set(volumes) <= set(STACK["volumes"])
    build = SERVICES[name].get("build")
    assert build is None or (ROOT / build["context"] / build["dockerfile"]).is_file()


def test_databases_keep_their_data() -> None:
    for name, folder in (("temporal-db", "/var/lib/postgresql/data"), ("mysql", "/var/lib/mysql")):
        assert [volume.partition(":")[2] for volume in SERVICES[name]["volumes"]] == [folder]


def test_every_setting_exists() -> None:
    known = {f"CHAINSAGA_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"CHAINSAGA_\w+", FILE.read_text())) <= known


@ours
def test_the_command_exists(name: str) -> None:
    known = typer.main.get_command(app)
    assert OURS[name]["command"] == [name]
    assert name in getattr(known, "commands", {})


def test_worker_and_api_agree() -> None:
    settings = STACK["x-settings"]
    for name in OURS:
        assert OURS[name]["environment"].items() >= settings.items()


def test_there_can_be_many_workers() -> None:
    assert "ports" not in SERVICES["worker"]
    assert not any("container_name" in service for service in SERVICES.values())


def test_a_worker_that_stops_has_the_time_it_needs() -> None:
    worker = SERVICES["worker"]
    grace = float(worker["environment"]["CHAINSAGA_SHUTDOWN_GRACE"]) + MIRROR_GRACE
    assert seconds(worker["stop_grace_period"]) > grace


def test_the_guide_makes_every_password() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    made = re.search(r"^for name in ([A-Z_ ]+); do", guide, re.MULTILINE)
    assert made is not None
    assert set(made[1].split()) == required()


def test_mysql_8_lets_the_migrations_make_triggers() -> None:
    """It keeps a binary log by default, and then refuses them to all but administrators."""
    assert "--log-bin-trust-function-creators=1" in SERVICES["mysql"]["command"]


def test_mysql_8_can_be_logged_in_to() -> None:
    """Its usual authentication needs RSA, which PyMySQL leaves to a package of its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [line for line in project["dependencies"] if line.startswith("pymysql[rsa]")]
    assert rsa.generate_private_key(public_exponent=65537, key_size=2048).key_size == 2048


# -- The image ---------------------------------------------------------------------------------


def final_stage() -> str:
    return DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def copied(dockerfile: str) -> list[str]:
    """What is taken from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def entrypoint() -> list[str]:
    found = re.search(r"^ENTRYPOINT (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    words: list[str] = json.loads(found[1])
    return words


def test_the_image_is_slim_and_its_user_is_not_root() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"python:3.11-slim-bookworm"}
    user = re.search(r"^USER (\S+)$", final_stage(), re.MULTILINE)
    assert user is not None
    assert f"--no-create-home {user[1]}\n" in final_stage()


def test_every_installation_checks_hashes() -> None:
    installs = re.findall(r"\bpip install\b[^&\n]*", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_the_image_holds_the_product_and_nothing_else() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {name.removesuffix("*") for name in tools["packages"]["find"]["include"]}
    modules = {f"{name}.py" for name in tools["py-modules"]}
    assert set(copied(final_stage())) == (packages - {"dev"}) | modules


def test_docker_sees_what_is_copied_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] != "#"]
    assert lines[0] == "*"
    assert [line[1:] for line in lines if line[0] == "!"] == copied(DOCKERFILE)
    assert all((ROOT / path).exists() for path in copied(DOCKERFILE))
    assert "activities/scripts/jvm/target" in lines


# -- The JVM worker's image --------------------------------------------------------------------


def test_the_jvm_worker_runs_only_where_it_is_asked_for() -> None:
    assert [name for name in SERVICES if "profiles" in SERVICES[name]] == [JVM]
    assert SERVICES[JVM]["profiles"] == ["jvm"]
    assert filled(STACK["x-settings"]["CHAINSAGA_JVM_WORKER"], {}) == "false"
    build = SERVICES[JVM]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    assert seconds(SERVICES[JVM]["stop_grace_period"]) > 30


def test_the_image_of_the_jvm_worker_is_pinned_and_its_user_is_not_root() -> None:
    assert "\nUSER chainsaga\n" in JVM_DOCKERFILE
    for image in re.findall(r"^FROM (\S+)", JVM_DOCKERFILE, re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+", image)
    for source in copied(JVM_DOCKERFILE):
        assert source.startswith("activities/")
        assert (ROOT / source).exists()


def test_the_jvm_worker_runs_as_its_service_says(machine: "Machine") -> None:
    found = re.search(r"^ENTRYPOINT (\[.+\])$", JVM_DOCKERFILE, re.MULTILINE)
    assert found is not None
    words: list[str] = json.loads(found[1])
    target = re.search(
        r"^COPY --from=build /build/target/dist (\S+)$", JVM_DOCKERFILE, re.MULTILINE
    )
    assert target is not None
    jar = worker_jar()
    given = [word.replace(target[1], str(jar.parent)) for word in words]
    log = machine.home / "jvm-worker.log"
    block: dict[str, str] = SERVICES[JVM]["environment"]
    own = {variable: machine.here(value) for variable, value in block.items()}
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **own}
    with running(given, name=JVM, log=log, env=environment, cwd=machine.home) as child:
        said = '"event":"jvm worker ready queue=chainsaga-jvm namespace=default"'
        wait_until(lambda: said in child.log.read_text(), 60, said, child=child)


# -- Our services, natively --------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """Real servers in place of the other services, and a folder with what the image holds."""

    home: Path
    database: DatabaseServer
    redis: RedisServer
    temporal: DevServer
    api_port: int
    secrets: dict[str, str]

    def here(self, template: str) -> str:
        """A text of the file with the hosts and ports of this machine."""
        # Before passwords come in: they may look like a port.
        for theirs, real in (
            ("mysql:3306", f"{HOST}:{self.database.port}"),
            ("redis:6379", f"{HOST}:{self.redis.port}"),
            ("temporal:7233", self.temporal.address),
            ("0.0.0.0", HOST),
            ("8000", str(self.api_port)),
        ):
            template = template.replace(theirs, real)
        return filled(template, self.secrets)

    def environment(self, name: str) -> dict[str, str]:
        """The service's own block, and what is in the image."""
        block: dict[str, str] = SERVICES[name]["environment"]
        own = {variable: self.here(value) for variable, value in block.items()}
        image = {"PATH": os.defpath, "PYTHONPATH": str(self.home / "app"), **ADDED_BY_IMAGE}
        return {**image, "HOME": "/nonexistent", **own}

    @contextmanager
    def service(self, name: str) -> Iterator[ChildProcess]:
        """Run one of our services as its container would."""
        given: list[str] = SERVICES[name]["command"]
        program, *words = [*entrypoint(), *given]
        assert program == "python"
        command = [sys.executable, *words]
        log, folder = self.home / f"{name}.log", self.home / "app"
        environment = self.environment(name)
        with running(command, name=name, log=log, env=environment, cwd=folder) as child:
            yield child

    def once(self, name: str) -> str:
        """What a service says that runs once, and ends well."""
        with self.service(name) as child:
            assert child.wait(SECONDS) == 0, log_tail(child.log)
        return child.log.read_text()

    def healthy(self, name: str, program: str) -> bool:
        """What a service's health check finds."""
        kind, _program, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [program, *(self.here(word) for word in words)]
        environment = {"PATH": os.defpath, "HOME": "/nonexistent"}
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
        return done.returncode == 0

    def tables(self) -> set[object]:
        return {row[0] for row in self.database.execute("SHOW TABLES FROM chainsaga")}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    home = tmp_path_factory.mktemp("compose")
    for source in copied(final_stage()):
        target = home / "app" / source
        target.parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    # As an image made from ours brings its own components.
    shutil.copy(Path(__file__).with_name("compose_steps.py"), home / "app" / "seat_steps.py")
    assert compileall.compile_dir(home / "app", quiet=1)
    with ExitStack() as opened:
        database = opened.enter_context(mariadb(home / "mariadb"))
        hot = opened.enter_context(redis_server(home / "redis"))
        # Of a server that our service has not prepared yet.
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(launcher, "SEARCH_ATTRIBUTES", {"SagaTenant": "Keyword"})
        temporal = opened.enter_context(dev_server(temporal_binary(), log=home / "temporal.log"))
        secrets = {name: f"{name.lower()}8000" for name in required()}
        password = make_url(database.create("chainsaga")).password
        assert password is not None
        secrets |= {"MYSQL_PASSWORD": password, "CHAINSAGA_COMPONENTS": "seat_steps"}
        with redis.Redis.from_url(hot.url) as client:
            client.config_set("requirepass", secrets["REDIS_PASSWORD"])
        yield Machine(home, database, hot, temporal, free_port(), secrets)


@pytest.fixture(scope="module")
def prepared(machine: Machine) -> dict[str, str]:
    """What the services said that run once; both may be repeated."""
    assert machine.tables() == set()
    return {
        f"{name}, {time}": machine.once(name)
        for name, service in OURS.items()
        if service["restart"] == ONCE
        for time in ("first", "again")
    }


@pytest.fixture(scope="module")
def api(machine: Machine, prepared: dict[str, str]) -> Iterator[httpx2.Client]:
    """The API beside a worker that is ready, on a database with one chain."""
    url = make_url(machine.environment("api")["CHAINSAGA_DATABASE_URL"])
    engine = create_engine_for(url, "tests")
    settings = Settings()
    ChainRepository(engine, settings.application, settings.rule_namespace).save(
        ChainRow(tenant="1", name="visit", text="THEN(holdSeats, printTickets);")
    )
    engine.dispose()
    with (
        machine.service("worker") as worker,
        machine.service("api") as child,
        httpx2.Client(
            base_url=f"http://{HOST}:{machine.api_port}",
            headers={"X-Tenant-Id": "1"},
            timeout=SECONDS,
            trust_env=False,
        ) as client,
    ):
        wait_until(lambda: ready(client), SECONDS, "the API", child=child)
        said = "worker ready"
        wait_until(lambda: said in worker.log.read_text(), SECONDS, said, child=worker)
        yield client


def ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/ready").is_success
    except httpx2.TransportError:
        return False


def test_what_runs_once_prepares_both_databases(machine: Machine, prepared: dict[str, str]) -> None:
    for name, words in prepared.items():
        assert re.search(r"up to date|are registered", words), name
    assert machine.tables() >= {"flow_chain", "alembic_version"}


def test_health_checks_see_what_is_there(machine: Machine, api: httpx2.Client) -> None:
    assert machine.healthy("api", sys.executable)
    assert machine.healthy("temporal", str(temporal_binary()))
    nobody = Machine(**{**vars(machine), "api_port": free_port()})
    assert not nobody.healthy("api", sys.executable)


def test_the_api_is_ready_with_all_its_parts(api: httpx2.Client) -> None:
    answer = api.get("/ready").json()
    assert [answer[part] for part in ("status", "temporal", "rules", "redis")] == ["ok"] * 4
    assert answer["chains"] == 1


def test_a_saga_completes_and_is_seen_from_both_stores(
    machine: Machine, api: httpx2.Client
) -> None:
    order = {"chain": "visit", "execution_id": "visit-1", "request": {"seats": 3}}
    ended = api.post("/api/saga/execute", json=order)
    assert (ended.status_code, ended.json()["status"]) == (200, "COMPLETED"), ended.text

    def seen_from(source: str) -> bool:
        view = api.get("/api/saga/executions/visit-1").json()
        return (view["source"], view["status"]) == (source, "COMPLETED")

    wait_until(lambda: seen_from("redis"), SECONDS, "the saga in Redis")
    with redis.Redis.from_url(machine.environment("worker")["CHAINSAGA_REDIS_URL"]) as client:
        client.flushall()
    wait_until(lambda: seen_from("sql"), SECONDS, "the saga in MariaDB")
    listed = api.get("/api/saga/executions").json()
    assert "visit-1" in json.dumps(listed)
