"""Web processes of some services, as they are run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from shared.local.ports import LOOPBACK, free_port
from shared.settings import Settings
from tests.support.command_line import ROOT

# Against hanging for ever; how long it takes depends on what else the machine does.
PATIENCE = 60.0


@contextmanager
def serving(settings: Settings, folder: Path, *services: str) -> Iterator[dict[str, str]]:
    """The addresses of services, each answered by a web process until the end."""
    ports = {service: free_port() for service in services}
    urls = {service: f"http://{LOOPBACK}:{port}" for service, port in ports.items()}
    environment = {
        **os.environ,
        "MONGO_URL": settings.mongo_url,
        "DATABASE_PREFIX": settings.database_prefix,
        **{f"{service.upper()}_PORT": str(port) for service, port in ports.items()},
        **{f"{service.upper()}_URL": url for service, url in urls.items()},
    }
    processes = []
    try:
        for service in services:
            with (folder / f"{service}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(  # noqa: S603 - our own program.
                        (sys.executable, "-m", "services", "web", service),
                        cwd=ROOT,
                        env=environment,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )
        for service, url in urls.items():
            _await(url, folder / f"{service}.log")
        yield urls
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(PATIENCE)


def _await(url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if requests.get(f"{url}/health/ready", timeout=5).ok:
                return
        except requests.ConnectionError:
            assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)
