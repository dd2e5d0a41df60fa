"""The services of docker-compose.yml in containers of podman, from an image of this repository that was built before.

    buildah bud --format docker --tag localhost/lookalike:0.1.0 .
    python -m benchmarks.containers [--image localhost/lookalike:0.1.0] [--podman "podman --runtime runc"]
        [--run="--ulimit nofile=1024:1024 --ulimit nproc=4096:4096"]

Command lines, environment, volumes, health checks, capabilities and times to stop are those of docker-compose.yml. The
images of PostgreSQL and SeaweedFS are not had: this machine's PostgreSQL, in which the SQL of `configs: roles` is run,
and OpenStack Swift over S3 stand in, on the ports that compose gives them. All run in the network of this machine, and
the API listens on 127.0.0.1 in place of 0.0.0.0; so 5432, 8000 and 8333 have to be free. Left out: `deploy`, `ports`
and `depends_on`, in whose place the steps come one after another.

Prints what each step gave: the database is migrated twice, a key is made, a table uploaded, its job begun, the worker
stopped in the middle of it and started again, the report read, and both stopped. Containers and volumes are removed.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import obstore
import yaml

from tests.support import object_store, postgres

COMPOSE = Path(__file__).parents[1] / "docker-compose.yml"
PREFIX = "lookalike-trial-"
URL = "http://127.0.0.1:8000"
OURS = ("migrate", "api", "worker")
START_SECONDS, JOB_SECONDS = 600.0, 3_600.0


@dataclass(frozen=True, slots=True)
class Podman:
    """Runs containers of the services."""

    command: tuple[str, ...]
    options: tuple[str, ...]
    """Of each container."""
    services: Mapping[str, Mapping[str, Any]]
    image: str

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command of podman, which may fail."""
        return subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True, check=False)

    def run(self, service: str, *options: str, command: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """A container of a service, or of its image with another command, as `compose run` has it."""
        said = self.services[service]
        environment = {**said["environment"], "LOOKALIKE_HOST": "127.0.0.1"}
        given = ["--network", "host", *(f"--add-host={name}:127.0.0.1" for name in ("postgres", "objects"))]
        given += ["--init"] * bool(said.get("init"))
        given += [f"--security-opt={each.partition(':')[0]}" for each in said["security_opt"]]
        given += [f"--cap-drop={each}" for each in said["cap_drop"]]
        given += [f"--volume={PREFIX}{each}" for each in said["volumes"]]
        given += [f"--env={name}={value}" for name, value in environment.items()]
        given += [f"--shm-size={size.removesuffix('b')}" for name, size in said.items() if name == "shm_size"]
        given += _health(said.get("healthcheck", {}))
        return self("run", *self.options, *given, *options, self.image, *(command or said["command"]))

    def state(self, service: str, what: str) -> str:
        """A field of what `inspect` says of its container."""
        return self("inspect", PREFIX + service, "--format", "{{" + what + "}}").stdout.strip()

    def stop(self, service: str) -> str:
        """How long stopping took, within its grace period, and the exit status."""
        begun = time.monotonic()
        self("stop", "--time", self.services[service]["stop_grace_period"].removesuffix("s"), PREFIX + service)
        return f"{time.monotonic() - begun:.1f} s, exit status {self.state(service, '.State.ExitCode')}"

    def remove_all(self) -> None:
        """Containers and volumes of an earlier or of this trial."""
        for name in (*OURS, "again"):
            self("rm", "--force", "--volumes", PREFIX + name)
        for volume in self("volume", "ls", "--quiet").stdout.split():
            if volume.startswith(PREFIX):
                self("volume", "rm", "--force", volume)


def _health(check: Mapping[str, Any]) -> list[str]:
    if check.get("disable"):
        return ["--no-healthcheck"]
    if not check:
        return []  # that of the image
    options = {name: check[name] for name in ("interval", "timeout", "start_period", "retries")}
    return [f"--health-cmd={' '.join(check['test'])}"] + [
        f"--health-{name.replace('_', '-')}={value}" for name, value in options.items()
    ]


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """What compose makes of `${NAME:?...}` and `${NAME:-default}`."""
    return re.sub(r"\$\{(\w+):([?-])([^}]*)\}", lambda m: variables.get(m[1], m[3] if m[2] == "-" else ""), text)


@contextmanager
def stand_ins() -> Iterator[dict[str, Any]]:
    """docker-compose.yml as compose reads it, while PostgreSQL and an object store run where it expects them."""
    ports = iter((8333,))
    free = object_store.free_port
    postgres.free_port = lambda: 5432
    object_store.free_port = lambda: next(ports, None) or free()
    object_store.REGION = "us-east-1"
    binaries = postgres.find_binaries()
    if binaries is None:
        raise SystemExit("expected PostgreSQL 15 or newer on this machine, got none")
    with postgres.run_server(binaries) as database, object_store.run_object_store() as store:
        variables = {
            "POSTGRES_PASSWORD": secrets.token_hex(24),
            "S3_ACCESS_KEY": object_store.ACCESS_KEY,
            "S3_SECRET_KEY": store.secret,
        }
        compose: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE.read_text(encoding="utf-8"), variables))
        with database.connect() as connection:
            connection.execute(f"DROP ROLE {postgres.SERVICE}")
            for statement in filter(str.strip, compose["configs"]["roles"]["content"].split(";")):
                connection.execute(statement)
        address = obstore.sign(store._client("lookalike"), "PUT", "", timedelta(seconds=60))  # noqa: SLF001
        httpx2.put(address).raise_for_status()
        yield compose


def tell(what: str, said: object) -> None:
    """Print what a step gave."""
    print(f"{time.strftime('%H:%M:%S')} {what}: {said}", flush=True)


def wait(seconds: float, answer: Callable[[], bool]) -> None:
    """Ask every two seconds until the answer is yes. Raises TimeoutError where it is not in time."""
    end = time.monotonic() + seconds
    while True:
        with suppress(httpx2.HTTPError):
            if answer():
                return
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(2)


def start(podman: Podman) -> httpx2.Client:
    """A client with a key of the service, once that is ready."""
    for name in ("migrate", "again"):
        tell(f"migrate ({name})", f"exit status {podman.run('migrate', f'--name={PREFIX}{name}').returncode}")
    for name in ("api", "worker"):
        podman.run(name, "--detach", f"--name={PREFIX}{name}", f"--restart={podman.services[name]['restart']}")
    http = httpx2.Client(base_url=URL, timeout=120, trust_env=False)
    wait(START_SECONDS, lambda: http.get("/readyz").status_code == 200)
    tell("/readyz", http.get("/readyz").text)
    for name in ("api", "worker"):
        health = podman("healthcheck", "run", PREFIX + name)
        tell(f"health of {name}", f"exit status {health.returncode} {health.stdout}{health.stderr}".strip())
        rights = (
            "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; stat -c '%n %U %a' /data /keys /keys/*; ulimit -n"
        )
        tell(f"rights of {name}", podman("exec", PREFIX + name, "sh", "-c", rights).stdout.split())
    key = podman.run("api", "--rm", command=("key", "--tenant", "acme", "--scope", "admin"))
    tell("key", f"exit status {key.returncode}")
    http.headers["Authorization"] = f"Bearer {re.findall(r'lk_[^ ]+', key.stdout)[0].strip()}"
    return http


def work(podman: Podman, http: httpx2.Client) -> str:
    """The id of a job that has ended, whose worker was stopped in the middle of it."""
    drawn = random.Random(1)  # noqa: S311 - no secret
    lines = [f"{drawn.randint(20, 80)},{drawn.choice('ABC')},{drawn.randint(1_000, 9_000)}" for _ in range(600)]
    answer = http.post("/v1/datasets", files={"file": ("people.csv", "\n".join(["age,city,income", *lines]).encode())})
    tell("upload", answer.status_code)
    tell("upload of no table", http.post("/v1/datasets", content=b"\x00\x01\x02").status_code)
    asked = {"dataset_id": answer.json()["id"], "generator": {"max_steps": 20}}
    job = str(http.post("/v1/jobs", json=asked).raise_for_status().json()["id"])

    def state() -> str:
        return str(http.get(f"/v1/jobs/{job}").raise_for_status().json()["state"])

    wait(START_SECONDS, lambda: state() == "running")
    tell("worker stopped while it works", podman.stop("worker"))
    podman("start", PREFIX + "worker")
    begun = time.monotonic()
    wait(JOB_SECONDS, lambda: state() in {"finished", "failed"})
    tell("job", f"{state()} {time.monotonic() - begun:.0f} s after the worker was started again")
    return job


def read(http: httpx2.Client) -> None:
    """Get what came of the job."""
    (release,) = http.get("/v1/releases").raise_for_status().json()["items"]
    tell("release", (release["state"], release["verdict"]))
    for ending in ("", ".html", ".pdf"):
        report = http.get(f"/v1/reports/{release['report_id']}{ending}")
        tell(f"report{ending}", (report.status_code, report.headers["content-type"], len(report.content)))
    tell("its table", http.get(f"/v1/releases/{release['id']}/data").status_code)


def main() -> None:
    """Print what each step gave."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", default="localhost/lookalike:0.1.0")
    parser.add_argument("--podman", default="podman")
    parser.add_argument("--run", default="")
    asked = parser.parse_args()
    with stand_ins() as compose:
        podman = Podman(
            tuple(shlex.split(asked.podman)), tuple(shlex.split(asked.run)), compose["services"], asked.image
        )
        podman.remove_all()
        try:
            with closing(start(podman)) as http:
                job = work(podman, http)
                read(http)
                for name in ("worker", "api"):
                    tell(f"{name} stopped", podman.stop(name))
                podman("start", PREFIX + "api")
                wait(START_SECONDS, lambda: http.get(f"/v1/jobs/{job}").status_code == 200)
                tell("API started again", http.get(f"/v1/jobs/{job}").json()["state"])
        except BaseException:
            for name in OURS:
                tell(f"log of {name}", podman("logs", "--tail", 30, PREFIX + name).stderr)
            raise
        finally:
            podman.remove_all()


if __name__ == "__main__":
    main()
