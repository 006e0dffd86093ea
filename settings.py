"""Every setting of a process, read once from the environment (prefix `CHAINSAGA_`).

Only the composition roots import it: `worker.py`, `api/app.py`, `api/cli`, `migrations/env.py`.
Temporal's own client settings (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, …) are read by
`temporalio.envconfig`.
"""

from dataclasses import fields
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis.connection import parse_url

from activities.scripts.engine import ScriptLimits
from rules.jobs import retention
from rules.source.naming import NameInvalid, RuleNames, check_chain_sql, check_identifier
from rules.source.options import RuleOptions
from rules.source.polling import Polling

_RULE_NAMES: Final = tuple(field.name for field in fields(RuleNames))


class SettingsInvalid(Exception):
    """An environment variable has a value that its setting does not take."""

    def __init__(self, error: ValidationError) -> None:
        wrong = (
            f"CHAINSAGA_{'_'.join(str(part) for part in found['loc']).upper()}: {found['msg']}"
            for found in error.errors()
        )
        super().__init__("; ".join(wrong))


class Settings(BaseSettings):
    """The settings, with their defaults; durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="CHAINSAGA_", frozen=True)

    database_url: str = Field(
        "sqlite:///.chainsaga/chainsaga.db", description="SQLAlchemy URL of rules and mirror"
    )
    redis_url: str | None = Field(
        None, description="Redis for what runs just now, `redis://…`; without it SQL answers alone"
    )
    hot_open: float = Field(
        604_800, ge=1, description="how long Redis keeps a saga that runs, since its last change"
    )
    hot_closed: float = Field(3_600, ge=1, description="how long Redis keeps a saga that ended")
    reconcile_every: float = Field(
        60, ge=5, description="how often the mirror is compared with Temporal"
    )
    schedules: bool = Field(
        True, description="whether workers keep Temporal schedules for the jobs below"
    )
    clean_hot_every: float = Field(
        3_600, ge=60, description="how often Redis is cleaned of sagas that are over"
    )
    clean_history_every: float = Field(
        3_600, ge=60, description="how often old sagas are deleted from the mirror"
    )
    clean_history_limit: int = Field(
        20_000, ge=1, description="how many sagas are deleted in one run at most"
    )
    keep_history: str = Field(
        "COMPLETED=30,OTHERS=180",
        description="days that the mirror keeps sagas, by final status; unnamed ones for ever",
    )
    alert_every: float = Field(
        300, ge=5, description="how often sagas that need a person are looked for"
    )
    alert_webhook: str | None = Field(
        None, description="URL that alerts are sent to; without it they are in the log alone"
    )
    alert_before_deadline: float = Field(
        3_600, ge=0, description="how long before its deadline an open decision is alerted about"
    )
    compensation_retries: int = Field(
        3, ge=0, le=20, description="how often a blocked undo is retried by itself"
    )
    compensation_retry_wait: float = Field(
        300, gt=0, description="how long after it blocked; twice as long each further time"
    )
    application: str = Field("dms-liteflow", description="whose chains this deployment serves")
    rule_source: str = Field(
        "database", description="where chains are read: `database`, or `files:DIR`"
    )
    rule_namespace: str = Field("default", description="which namespace of them")
    route_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further ones whose routes are asked for, separated by commas"
    )
    rule_polling: bool = Field(
        True, description="whether changes of the rules are looked for; else at the start alone"
    )
    rule_refresh: float = Field(60, ge=10, description="how often they are looked for")
    rule_polling_start: float = Field(
        60, ge=0, description="when the first time, after the rules were read at the start"
    )
    rule_lock: bool = Field(
        False, description="whether one instance at a time reads changes; needs Redis"
    )
    rule_plans: int = Field(
        2_000, ge=1, description="how many chains are kept compiled, those asked for last"
    )
    rule_sql_log: bool = Field(
        False, description="whether the SQL of the database is logged, with its parameters"
    )
    chain_table: str = Field("flow_chain", description="the table of chains")
    chain_application_name_field: str = Field(
        "application_name", description="its column of the application"
    )
    chain_name_field: str = Field("chain_name", description="its column of the chain's name")
    chain_desc_field: str = Field("chain_desc", description="its column of the description")
    el_data_field: str = Field("chain_code", description="its column of the EL")
    chain_enable_field: str = Field("chain_enable", description="its column of the switch, 1 or 0")
    namespace_field: str = Field("namespace", description="its column of the namespace")
    custom_chain_sql: str | None = Field(
        None,
        description="a SELECT of the chains that serve, in place of that table; may bind "
        "`:applicationName`, and `:tenantId`: then it is asked for each tenant",
    )
    script_table: str = Field("rule_component", description="the table of script components")
    script_application_name_field: str = Field(
        "application_name", description="its column of the application"
    )
    script_id_field: str = Field("component_id", description="its column of the component's id")
    script_name_field: str = Field("component_name", description="its column of the name")
    script_data_field: str = Field("component_code", description="its column of the script")
    script_type_field: str = Field("component_type", description="its column of the kind")
    script_language_field: str = Field("language", description="its column of the language")
    script_enable_field: str = Field(
        "script_enable", description="its column of the switch, 1 or 0"
    )
    when_max_wait_ms: int | None = Field(
        None, ge=1, description="the limit of each branch of a WHEN that says none itself"
    )
    components: Annotated[tuple[str, ...], NoDecode] = Field(
        ("activities.components",), description="packages of components, separated by commas"
    )
    task_queue: str = Field("chainsaga", description="Temporal's task queue of this application")
    api_host: str = Field("127.0.0.1", description="address the API binds to; it has no login yet")
    api_port: int = Field(8000, description="port of the API")
    ui_url: str = Field("http://127.0.0.1:8233", description="Temporal's Web UI, for links")
    default_tenant: str = Field("1", description="tenant of a request without X-Tenant-Id")
    worker_metrics_host: str = Field(
        "127.0.0.1", description="address that a worker's metrics bind to"
    )
    worker_metrics_port: int | None = Field(
        None, ge=0, le=65535, description="port of a worker's `/metrics`; without it there is none"
    )
    worker_threads: int = Field(100, ge=1, description="threads of `def` components")
    caller_slots: int = Field(
        1_000, ge=1, description="steps of one worker that may wait for chains they run"
    )
    script_timeout: float = Field(
        5, gt=0, le=3_600, description="how long a script may run, and no longer than its step"
    )
    script_memory: int = Field(256, ge=16, description="MiB that a script may take")
    script_processes: int = Field(
        2, ge=1, description="how many scripts of one language run side by side in one process"
    )
    jvm_worker: bool = Field(
        False, description="whether a JVM worker runs scripts in Java, Groovy and QLExpress"
    )
    shutdown_grace: float = Field(30, ge=0, description="how long running steps may go on at stop")
    max_events: int | None = Field(
        None, ge=20, description="lowers Temporal's continue-as-new hint; for tests"
    )
    log_json: bool = Field(False, description="log lines as JSON")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: str | None) -> str | None:
        if not url:
            return None
        # Raises ValueError, in words.
        parse_url(url)  # type: ignore[no-untyped-call] # redis leaves it so
        return url

    @property
    def rule_names(self) -> RuleNames:
        """The names of the rules' tables and fields."""
        return RuleNames(**{name: getattr(self, name) for name in _RULE_NAMES})

    @property
    def rule_options(self) -> RuleOptions:
        """Which rules are served, and from where."""
        return RuleOptions(
            chosen=self.rule_source,
            application=self.application,
            namespace=self.rule_namespace,
            default_tenant=self.default_tenant,
            further=self.route_namespaces,
            when_max_wait=self.when_max_wait_ms,
            names=self.rule_names,
            most_plans=self.rule_plans,
        )

    @property
    def script_limits(self) -> ScriptLimits:
        """What a script may take."""
        return ScriptLimits(
            seconds=self.script_timeout,
            memory=self.script_memory,
            processes=self.script_processes,
        )

    @property
    def lock_url(self) -> str | None:
        """The Redis of the lock on refreshes, if there is to be one."""
        return self.redis_url if self.rule_lock else None

    @property
    def polling(self) -> Polling:
        """How changes of the rules are looked for."""
        return Polling(
            every=self.rule_refresh, start=self.rule_polling_start, enabled=self.rule_polling
        )

    @field_validator(*(name for name in _RULE_NAMES if name != "custom_chain_sql"))
    @classmethod
    def _identifier(cls, name: str) -> str:
        try:
            check_identifier("it", name)
        except NameInvalid as error:
            raise ValueError(str(error)) from error
        return name

    @field_validator("custom_chain_sql")
    @classmethod
    def _chain_sql(cls, sql: str | None) -> str | None:
        if not sql:
            return None
        try:
            check_chain_sql(sql)
        except NameInvalid as error:
            raise ValueError(str(error)) from error
        return sql

    @field_validator("rule_lock")
    @classmethod
    def _lock(cls, wanted: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 # pydantic's shape
        if wanted and not info.data.get("redis_url"):
            raise ValueError("the lock is in Redis: set CHAINSAGA_REDIS_URL too")
        return wanted

    @field_validator("keep_history")
    @classmethod
    def _retention(cls, text: str) -> str:
        retention(text)
        return text

    @field_validator("rule_source")
    @classmethod
    def _rule_source(cls, words: str) -> str:
        kind, _, folder = words.partition(":")
        if words != "database" and (kind != "files" or not folder):
            raise ValueError("it is `database`, or `files:` with a folder behind it")
        return words

    @field_validator("alert_webhook")
    @classmethod
    def _webhook(cls, url: str | None) -> str | None:
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it must be a URL such as https://alerts.example.com/hook")
        return url

    @field_validator("components", "route_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings() -> Settings:
    """The settings of this environment. Raises SettingsInvalid."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid(error) from error
