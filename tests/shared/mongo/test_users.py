"""Users of MongoDB, on a server that asks for passwords."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from shared import secrets
from shared.local.mongod import mongo_url, mongod
from shared.local.ports import free_port
from shared.local.servers import running
from shared.mongo import logins
from shared.mongo.users import User, settle

Client = MongoClient[dict[str, Any]]
OPERATOR = User(name="operator", password="of the operator", database=None)
ORDERS = User(name="orders", password="of orders", database="shop_orders")


class TestSettle:
    def test_makes_users_who_may_do_what_they_need(self, system: Client, url: str) -> None:
        assert list(settle(system, [OPERATOR, ORDERS])) == [
            "MongoDB: user operator made",
            "MongoDB: user orders made",
        ]

        with as_user(url, ORDERS) as client:
            client.shop_orders.orders.insert_one({"_id": 1})
            assert client.shop_orders.orders.find_one() == {"_id": 1}
            for refused in (client.shop_orders.orders.drop, client.shop_customers.x.find_one):
                with pytest.raises(OperationFailure):
                    refused()
        with as_user(url, OPERATOR) as client:
            assert client.shop_orders.orders.find_one() == {"_id": 1}

    def test_changes_nothing_the_second_time(self, system: Client) -> None:
        list(settle(system, [OPERATOR, ORDERS]))
        before = list(system.admin["system.users"].find({"user": {"$in": ["operator", "orders"]}}))

        assert list(settle(system, [OPERATOR, ORDERS])) == []

        after = list(system.admin["system.users"].find({"user": {"$in": ["operator", "orders"]}}))
        assert after == before

    def test_by_several_at_once_makes_each_once(self, system: Client, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: list(settle(system, [OPERATOR, ORDERS])), range(4)))

        with as_user(url, ORDERS) as client:
            client.shop_orders.orders.find_one()
        assert system.admin["system.users"].count_documents({}) == 2

    def test_takes_a_new_password(self, system: Client, url: str) -> None:
        list(settle(system, [ORDERS]))
        changed = User(name="orders", password="a new one", database=ORDERS.database)

        assert list(settle(system, [changed])) == ["MongoDB: user orders changed (password)"]

        with as_user(url, changed) as client:
            client.shop_orders.orders.find_one()
        with as_user(url, ORDERS) as client, pytest.raises(OperationFailure):
            client.shop_orders.orders.find_one()

    def test_adds_the_database_of_another_installation(self, system: Client, url: str) -> None:
        list(settle(system, [ORDERS]))
        other = User(name="orders", password=ORDERS.password, database="then_orders")

        assert list(settle(system, [other])) == ["MongoDB: user orders changed (rights)"]

        with as_user(url, ORDERS) as client:
            client.shop_orders.orders.find_one()
            client.then_orders.orders.find_one()

    def test_gives_back_rights_that_somebody_changed(self, system: Client) -> None:
        list(settle(system, [ORDERS]))
        declared = privileges(system)
        system.admin.command("updateRole", "shop_orders", privileges=[])

        list(settle(system, [ORDERS]))

        assert privileges(system) == declared


class TestGuardedMongod:
    def test_lets_nobody_make_the_first_user(self, url: str) -> None:
        with MongoClient[dict[str, Any]](url) as client, pytest.raises(OperationFailure):
            client.admin.command("createUser", "me", pwd="x", roles=["root"])


def as_user(url: str, user: User) -> Client:
    """A client of this user."""
    return MongoClient(url, username=user.name, password=user.password)


def privileges(system: Client) -> Any:
    """What the role of the orders database may do."""
    (role,) = system.admin.command("rolesInfo", "shop_orders", showPrivileges=True)["roles"]
    return role["privileges"]


@pytest.fixture
def system(url: str) -> Iterator[Client]:
    """A client who may do everything, on a server without users."""
    key = "akeythatmembersshare"
    with MongoClient[dict[str, Any]](url, **logins.as_server(key)) as client:
        yield client
        client.admin.command("dropAllUsersFromDatabase", 1)
        client.admin.command("dropAllRolesFromDatabase", 1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB that asks for passwords."""
    folder = tmp_path_factory.mktemp("guarded")
    secrets.put(folder, "key", "akeythatmembersshare")
    port = free_port()
    with running(mongod(folder, port=port, key_file=folder / "key")):
        yield mongo_url(port)
