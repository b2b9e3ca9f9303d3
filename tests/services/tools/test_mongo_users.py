"""Users of an installation, on the data folder of a release that knew no passwords."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from services.registry import SERVICES
from services.tools import mongo_users, secrets, setup
from shared.local.mongod import mongo_url, mongod, running_mongod
from shared.local.ports import free_port
from shared.local.servers import running
from shared.mongo.client import connect, service_database
from shared.settings import OPERATOR, Settings, load


class TestUpdate:
    def test_opens_a_folder_from_before_for_each_service_alone(self, tmp_path: Path) -> None:
        with running_mongod(tmp_path) as url:
            open_to_all = replace(load(), mongo_url=url, mongo_user="")
            with connect(open_to_all) as client:
                client.kith_orders.orders.insert_one({"_id": "from before"})
            assert list(mongo_users.update(open_to_all)) == []

        secrets.make(tmp_path / "secrets")
        with guarded(tmp_path) as operator:
            lines = list(setup.run(operator))
            assert lines[:5] == [f"MongoDB: user {name} made" for name in (OPERATOR, *SERVICES)]
            # Redis is away, which is no reason not to set up.
            assert lines[-2].startswith("Redis: not reached (ConnectionError)")

            for service in SERVICES:
                with connect(login(operator, service)) as client:
                    service_database(client, operator, service).inbox.find_one()
                    for other in {*SERVICES} - {service}:
                        with pytest.raises(OperationFailure):
                            service_database(client, operator, other).inbox.find_one()
            with connect(login(operator, "orders")) as client:
                assert client.kith_orders.orders.find_one() == {"_id": "from before"}

            assert [line for line in setup.run(operator) if line.startswith("MongoDB:")] == []


@contextmanager
def guarded(folder: Path) -> Iterator[Settings]:
    """The operator's settings for a MongoDB with this folder's data that asks for passwords."""
    port, root = free_port(), folder / "secrets"
    with running(mongod(folder, port=port, key_file=secrets.mongo_key(root))):
        yield replace(
            load(),
            mongo_url=mongo_url(port),
            redis_url=f"redis://127.0.0.1:{free_port()}/0",
            secrets_dir=root / OPERATOR,
        )


def login(operator: Settings, service: str) -> Settings:
    """The settings of a service's process."""
    folder = operator.secrets_dir.parent / service
    return replace(operator, mongo_user=service, secrets_dir=folder)
