"""What the container stack promises.

Every process is there and is started again, nothing but the gateway can be reached, and no data
lie in a container.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.registry import SERVICES
from shared.settings import load

ROOT = Path(__file__).parents[2]
PROCESSES = [
    *(("web", service) for service in SERVICES),
    *((kind, service) for kind in ("worker", "relay") for service in SERVICES),
]
PORT = "8000"

Definition = dict[str, Any]


class TestProcesses:
    @pytest.mark.parametrize(("kind", "service"), PROCESSES)
    def test_each_is_there_and_is_started_again(
        self, stack: Definition, kind: str, service: str
    ) -> None:
        process = stack["services"][f"{service}-{kind}"]

        assert process["command"] == [kind, service]
        assert process["restart"] == "unless-stopped"

    def test_there_are_no_others(self, stack: Definition) -> None:
        names = {f"{service}-{kind}" for kind, service in PROCESSES}

        assert set(stack["services"]) == names | {"secrets", "setup", "gateway", "mongo", "redis"}

    def test_all_are_one_image_built_once(self, stack: Definition) -> None:
        ours = {name: one for name, one in stack["services"].items() if _is_ours(one)}

        assert {one["image"] for one in ours.values()} == {"kith:local"}
        assert [name for name, one in ours.items() if "build" in one] == ["secrets"]

    def test_each_can_be_scaled(self, stack: Definition) -> None:
        assert not [name for name, one in stack["services"].items() if "container_name" in one]

    @pytest.mark.parametrize("name", ["secrets", "setup"])
    def test_what_ends_is_tried_again_only_when_it_fails(
        self, stack: Definition, name: str
    ) -> None:
        assert stack["services"][name]["restart"] == "on-failure"

    def test_the_password_goes_to_setup_alone(self, stack: Definition) -> None:
        holders = [
            name
            for name, one in stack["services"].items()
            if "ADMIN_PASSWORD" in one.get("environment", {})
        ]

        assert holders == ["setup"]


class TestEnvironment:
    @pytest.mark.parametrize("service", SERVICES)
    def test_is_what_the_settings_read(
        self, monkeypatch: pytest.MonkeyPatch, stack: Definition, service: str
    ) -> None:
        environment = stack["services"][f"{service}-web"]["environment"]
        for name, value in environment.items():
            if value is not None:
                monkeypatch.setenv(name, value)

        settings = load(service)

        assert (settings.host, settings.port) == (environment["HOST"], int(PORT))
        assert settings.mongo_url == "mongodb://mongo:27017/?replicaSet=kith"
        assert settings.redis_url == "redis://redis:6379/0"
        assert settings.log_json

    @pytest.mark.parametrize("service", ["accounts", "customers", "orders"])
    def test_names_services_by_their_containers(self, stack: Definition, service: str) -> None:
        environment = stack["services"]["imports-worker"]["environment"]

        assert environment[f"{service.upper()}_URL"] == f"http://{service}-web:{PORT}"


class TestServers:
    def test_no_image_floats(self, stack: Definition, dockerfile: str) -> None:
        images = [one["image"] for one in stack["services"].values()]
        images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

        assert not [image for image in images if image.endswith(":latest") or ":" not in image]

    def test_only_the_gateway_can_be_reached(self, stack: Definition) -> None:
        reachable = [
            name
            for name, one in stack["services"].items()
            if "ports" in one or one.get("network_mode") == "host"
        ]

        assert reachable == ["gateway"]

    @pytest.mark.parametrize(("name", "path"), [("mongo", "/data/db"), ("redis", "/data")])
    def test_data_outlive_containers(self, stack: Definition, name: str, path: str) -> None:
        assert stack["services"][name]["volumes"][0] == f"{name}-data:{path}"
        assert f"{name}-data" in stack["volumes"]

    def test_backups_outlive_containers_and_the_user_may_write_them(
        self, stack: Definition, dockerfile: str
    ) -> None:
        holders = [
            name
            for name, one in stack["services"].items()
            if "backups:/kith/backups" in one.get("volumes", [])
        ]

        assert holders == ["setup"]
        assert "backups" in stack["volumes"]
        assert "WORKDIR /kith\n" in dockerfile
        assert re.search(r"mkdir -m 700 backups.*chown -R kith .*backups", dockerfile, re.DOTALL)

    def test_redis_neither_evicts_nor_forgets(self, redis_options: dict[str, str]) -> None:
        assert redis_options["--maxmemory-policy"] == "noeviction"
        assert redis_options["--appendonly"] == "yes"

    def test_mongodb_is_a_replica_set(self, stack: Definition) -> None:
        command = stack["services"]["mongo"]["command"]

        assert command[command.index("--replSet") + 1] == "kith"

    def test_every_server_is_started_again(self, stack: Definition) -> None:
        servers = ("gateway", "mongo", "redis")

        assert {stack["services"][name]["restart"] for name in servers} == {"unless-stopped"}


class TestSecrets:
    @pytest.mark.parametrize(("kind", "service"), PROCESSES)
    def test_each_process_reads_those_of_its_service_alone(
        self, stack: Definition, kind: str, service: str
    ) -> None:
        process = stack["services"][f"{service}-{kind}"]

        assert process["volumes"] == [
            f"{service}-secrets:{process['environment']['SECRETS_DIR']}:ro"
        ]

    @pytest.mark.parametrize("server", ["mongo", "redis"])
    def test_a_server_reads_its_own_alone_and_starts_when_they_are_made(
        self, stack: Definition, server: str
    ) -> None:
        definition = stack["services"][server]

        assert definition["volumes"][1:] == [f"{server}-secrets:/run/kith/{server}:ro"]
        assert definition["depends_on"] == {
            "secrets": {"condition": "service_completed_successfully"}
        }

    def test_only_one_container_writes_them(self, stack: Definition) -> None:
        writers = {
            name
            for name, one in stack["services"].items()
            for volume in one.get("volumes", [])
            if "-secrets:" in volume and not volume.endswith(":ro")
        }

        assert writers == {"secrets"}

    def test_volumes_and_folders_are_there_for_all(
        self, stack: Definition, dockerfile: str
    ) -> None:
        users = {*SERVICES, "operator", "mongo", "redis"}
        mounted = {f"{name}-secrets:/run/kith/{name}" for name in users}

        assert set(stack["services"]["secrets"]["volumes"]) == mounted
        assert {f"{name}-secrets" for name in users} <= set(stack["volumes"])
        named = re.search(r"for name in ([a-z ]+);", dockerfile)
        assert named is not None
        assert set(named[1].split()) == users

    def test_the_servers_ask_for_passwords_and_run_no_scripts(
        self, stack: Definition, redis_options: dict[str, str]
    ) -> None:
        mongod = stack["services"]["mongo"]["command"]

        assert redis_options["--aclfile"] == "/tmp/users.acl"  # noqa: S108 - in a container of its own.
        assert mongod[mongod.index("--keyFile") + 1] == "/tmp/key"  # noqa: S108 - likewise.
        assert mongod[mongod.index("--setParameter") + 1] == "enableLocalhostAuthBypass=false"
        assert "--noscripting" in mongod


class TestGateway:
    def test_leads_to_every_service(self, gateway: str) -> None:
        named = re.search(r"path_regexp service \^/\(([a-z|]+)\)/", gateway)

        assert named is not None
        assert sorted(named[1].split("|")) == sorted(SERVICES)

    def test_knows_the_port_of_the_services(self, gateway: str) -> None:
        assert f"-web:{PORT} " in gateway
        assert f"port {PORT}\n" in gateway

    def test_holds_no_early_answer_back(self, gateway: str) -> None:
        snippet = gateway[gateway.index("(answer_early) {") :].partition("\n}")[0]
        proxies = re.findall(r"^\t\treverse_proxy ", gateway, re.MULTILINE)
        refusals = gateway[gateway.index("handle_errors {") :]

        # A body that comes too slowly, and one whose sender may not: waiting for the rest of either
        # would last as long as the sender likes.
        assert {"408", "401", "403", "413"} <= set(snippet.split())
        assert "header Connection close" in snippet
        assert gateway.count("import answer_early") == len(proxies)
        assert "header Connection close" in refusals


class TestImage:
    def test_runs_as_nobody_special(self, dockerfile: str) -> None:
        users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)

        assert users[-1] not in {"root", "0"}

    def test_installs_only_what_is_locked(self, dockerfile: str) -> None:
        assert "--require-hashes" in dockerfile

    def test_ships_nothing_that_is_not_named(self) -> None:
        rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

        assert {rule for rule in rules if rule.startswith("!")} == {
            "!requirements.lock",
            "!services",
            "!shared",
        }


def _is_ours(definition: Definition) -> bool:
    return str(definition["image"]).startswith("kith:")


@pytest.fixture
def redis_options(stack: Definition) -> dict[str, str]:
    """The options that Redis is started with."""
    given = stack["services"]["redis"]["command"][1:]
    return dict(zip(given[::2], given[1::2], strict=True))


@pytest.fixture(scope="module")
def stack() -> Definition:
    """The Compose file."""
    loaded: Definition = yaml.safe_load(_read("docker-compose.yml"))
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """The text of the Dockerfile."""
    return _read("Dockerfile")


@pytest.fixture(scope="module")
def gateway() -> str:
    """The configuration of the gateway."""
    return _read("services/gateway/Caddyfile")


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
