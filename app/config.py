"""The settings of one installation, read from the environment here and nowhere else."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

GIB = 1024**3
DAY = timedelta(days=1)
"""So long counts what is limited by the day."""
OTHER_VARIABLES = frozenset({"LOOKALIKE_URL", "LOOKALIKE_KEY"})
"""What the command line reads: where a service is, and the key to it."""
MASTER_KEY = "master-key"
REQUIREMENTS = "LOOKALIKE_REQUIRE_"
"""How the variables begin that test runs read."""


class Settings(BaseSettings):
    """What an installation may set. Every field is an environment variable `LOOKALIKE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="LOOKALIKE_", frozen=True)

    home: Path = Path("var")
    """Where databases, files and scratch space lie unless they are set elsewhere."""
    database_url: str = ""
    """SQLAlchemy address of the application's database; empty means SQLite in `home`."""
    blob_url: str = ""
    """Where files lie: `s3://bucket/prefix` or a local folder; empty means a folder in `home`."""
    master_key_file: str = ""
    """Where the master key lies, which wraps the keys of stored files; empty means a file in `home`."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where training runs: `auto`, `cpu` or `cuda`."""
    max_upload_bytes: int = Field(default=4 * GIB, ge=1)
    max_decompressed_bytes: int = Field(default=16 * GIB, ge=1)
    max_columns: int = Field(default=1000, ge=2, le=100_000)
    max_rows: int = Field(default=20_000_000, ge=1)
    max_sample_rows: int = Field(default=1_000_000, ge=1)
    """The most synthetic records that one job may ask for: as many as the attacks look at one by one."""
    intake_cpu_seconds: int = Field(default=600, ge=1)
    """The processor time that reading one upload may take."""
    concurrent_reads: int = Field(default=2, ge=1, le=100)
    """How many uploads one API process reads at once; one tenant never has all of these places if there are several."""
    waiting_reads: int = Field(default=16, ge=1, le=10_000)
    """How many received uploads wait for one of those places, before more are answered with 503."""
    training_minutes: float = Field(default=5.0, gt=0, le=7 * 24 * 60, allow_inf_nan=False)
    """The time budget of one training, in minutes, unless the job asks for less."""
    checkpoint_seconds: float = Field(default=15.0, ge=0, le=3600, allow_inf_nan=False)
    """How often a training saves a checkpoint that it can go on from."""
    shard_rows: int = Field(default=262_144, ge=16_384)
    """How many records of a large table one worker draws at a time, see `app.jobs.shards`. The table does not depend on
    it."""
    wrong_keys_per_minute: int = Field(default=30, ge=1)
    """How many wrong API keys an address may show within a minute before it has to wait."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """How API and worker log: `json` lines, `text` for people, or `auto`: text on a terminal, json elsewhere."""
    metrics_token: str = Field(default="", pattern=r"^([\x21-\x7e]{16,200})?$", repr=False)
    """What `GET /metrics` asks for as bearer token; where it is empty, metrics go to requests of this machine alone."""
    traces_endpoint: str = Field(default="", pattern=r"^(https?://[\x21-\x7e]{1,500})?$")
    """Where traces go over OTLP/HTTP, such as http://localhost:4318/v1/traces; empty: nowhere."""
    public_url: str = ""
    """The service's public address; required for OpenID sign-in."""
    oidc_issuer: str = ""
    """The OpenID provider at which people may sign in; empty: none. See docs/operations.md."""
    oidc_client_id: str = ""
    oidc_client_secret: str = Field(default="", repr=False)
    oidc_client_secret_file: str = ""
    """Where the client secret lies, in place of the variable."""
    oidc_name: str = Field(default="your organisation", min_length=1, max_length=60)
    """What the button calls the provider."""
    oidc_origins: str = ""
    """Further origins of the provider's endpoints, separated by commas, where they are not the issuer's own."""
    oidc_roles_claim: str = ""
    """Which claim of the ID token gives roles; `a.b` is b within a."""
    oidc_roles: str = ""
    """A JSON object: a role, or a list of them, for each value of that claim."""
    oidc_tenant: str = ""
    """The tenant of all who sign in there, by id or name."""
    oidc_tenant_claim: str = ""
    """Which claim gives the tenant, in place of one tenant for all."""
    oidc_tenants: str = ""
    """A JSON object: id or name of a tenant for each value of that claim."""
    oidc_verifies_email: bool = False
    """Whether the provider verifies every e-mail address, though its ID tokens do not say `email_verified`."""
    webhook_plain_http: bool = False
    """Whether webhooks may have http addresses."""
    webhook_private_addresses: bool = False
    """Whether webhooks may go to private and loopback addresses: any administrator of a tenant reaches those then."""
    connections_allowed: str = ""
    """Where connections of tenants may go, separated by commas: hosts, addresses and networks, each with `:port` where
    it is not the usual one; `s3://bucket`; and the origin of an S3-compatible store. Empty: nowhere."""
    source_minutes: float = Field(default=60.0, gt=0, le=24 * 60, allow_inf_nan=False)
    """How long reading a table of a database, or writing one, may take."""
    key_requests_per_minute: int = Field(default=12_000, ge=1)
    """How many requests one API process answers for one key within a minute."""
    address_requests_per_minute: int = Field(default=24_000, ge=1)
    """How many requests one API process answers for one address within a minute, with or without a key."""
    table_checks_per_day: int = Field(default=300, ge=1)
    """How many jobs and quotes that name values of a data set, or of others that share people with it, are checked
    within any 24 hours, by all API processes together and over restarts, refused ones too: each answer tells whether
    enough people have the values."""
    tenant_jobs_at_once: int = Field(default=100, ge=0)
    """How many jobs of one tenant wait or run. This limit and the following seven may be other ones for single
    tenants, see `lookalike tenants limit`."""
    tenant_jobs_per_day: int = Field(default=1_000, ge=0)
    tenant_datasets: int = Field(default=1_000, ge=0)
    tenant_stored_bytes: int = Field(default=1024 * GIB, ge=0)
    """How many bytes the stored files of one tenant have."""
    tenant_rows: int = Field(default=1_000_000_000, ge=0)
    """How many records all data sets of one tenant have."""
    key_jobs_at_once: int = Field(default=100, ge=0)
    key_jobs_per_day: int = Field(default=1_000, ge=0)
    tenant_running_jobs: int = Field(default=100, ge=0)
    """How many jobs of one tenant run at once, on all workers together; 0 lets all of them wait."""
    queues: str = Field(default="gpu,cpu", pattern=r"^(gpu|cpu|gpu,cpu|cpu,gpu)$")
    """What a worker serves: `gpu` (trainings and shadow models), `cpu` (everything else), or both."""
    slots: int = Field(default=16, ge=1, le=1000)
    """How many workers may share this installation; each holds one slot."""
    concurrent_jobs: int = Field(default=1, ge=1, le=100)
    """How many jobs one worker runs side by side."""

    @classmethod
    def unknown_variables(cls, environment: Iterable[str]) -> list[str]:
        """The variables of ours that nothing reads, each with the name that was probably meant."""
        prefix = str(cls.model_config["env_prefix"])
        known = [f"{prefix}{name}".upper() for name in cls.model_fields]
        others = [each for each in environment if each.startswith(prefix) and each not in {*known, *OTHER_VARIABLES}]
        wrong = sorted(each for each in others if not each.startswith(REQUIREMENTS))
        near = {each: difflib.get_close_matches(each, known, 1) for each in wrong}
        return [f"{each} (did you mean {near[each][0]}?)" if near[each] else each for each in wrong]

    @property
    def resolved_database_url(self) -> str:
        """The address of the application's database."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'lookalike.db'}"

    @property
    def is_sqlite(self) -> bool:
        """True where the application's database is SQLite."""
        return self.resolved_database_url.startswith("sqlite")

    @property
    def database_file(self) -> Path | None:
        """Where SQLite keeps the application's database; None on Postgres."""
        return Path(self.resolved_database_url.partition(":///")[2]) if self.is_sqlite else None

    @property
    def jobs_database_url(self) -> str:
        """The address of the job engine's database: a second SQLite file, or the same Postgres."""
        if self.is_sqlite:
            return f"sqlite:///{self.home.resolve() / 'jobs.db'}"
        return self.resolved_database_url.replace("postgresql+psycopg://", "postgresql://", 1)

    @property
    def resolved_blob_url(self) -> str:
        """Where files lie."""
        return self.blob_url or str(self.home.resolve() / "blobs")

    @property
    def resolved_master_key_file(self) -> Path:
        """Where the master key lies."""
        return Path(self.master_key_file).resolve() if self.master_key_file else self.home.resolve() / MASTER_KEY

    def environment(self) -> dict[str, str]:
        """The variables that give another process these settings, wherever it starts."""
        key = str(self.resolved_master_key_file) if self.master_key_file else ""
        secret = str(Path(self.oidc_client_secret_file).resolve()) if self.oidc_client_secret_file else ""
        absolute = {"home": self.home.resolve(), "master_key_file": key, "oidc_client_secret_file": secret}
        values = self.model_copy(update=absolute)
        prefix = str(self.model_config["env_prefix"])
        return {f"{prefix}{name}".upper(): str(getattr(values, name)) for name in type(self).model_fields}

    @property
    def scratch(self) -> Path:
        """The folder for files that live no longer than one request or one attempt."""
        return self.home.resolve() / "scratch"
