"""Users over HTTP, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database

from services.accounts.model import User
from services.accounts.schemas import TokensSchema, UserSchema
from shared.document import Document
from shared.idempotency import creation_request
from shared.identifiers import new_id

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
Add = Callable[..., User]

ANN: Document = {
    "email": "Ann@Example.com",
    "name": "Ann Lee",
    "role": "sales",
    "password": "a password of Ann's",
}


class TestRegister:
    def test_answers_with_the_user(self, http: Client) -> None:
        answer = http.post("/v1/users", json=ANN)

        user = answer.json
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
        assert answer.headers["Location"] == f"users/{user['id']}"
        assert user == {
            "id": user["id"],
            "email": "Ann@example.com",
            "name": "Ann Lee",
            "role": "sales",
            "active": True,
            "created_at": user["created_at"],
            "updated_at": user["created_at"],
        }
        assert user.keys() == UserSchema().fields.keys()

    def test_lets_them_sign_in(self, http: Client, http_as: As) -> None:
        user = http.post("/v1/users", json=ANN).json
        credentials = {"email": "ANN@example.com", "password": ANN["password"]}

        answer = http_as(None).post("/v1/tokens", json=credentials)

        assert answer.status_code == 201
        assert answer.json["user"] == {"id": user["id"], "name": "Ann Lee", "role": "sales"}

    @pytest.mark.parametrize(
        "variant", ["ann@example.com", "ANN@EXAMPLE.COM", "\uff41nn@example.com"]
    )
    def test_an_address_belongs_to_one(self, http: Client, variant: str) -> None:
        holder = http.post("/v1/users", json=ANN).json

        answer = http.post("/v1/users", json=ANN | {"email": variant})

        (error,) = answer.json["errors"]
        assert (answer.status_code, answer.json["type"]) == (409, "urn:kith:problem:email-taken")
        assert (error["field"], error["holder"]) == ("email", holder["id"])

    def test_a_repeated_request_gets_the_first_answer(self, http: Client) -> None:
        key = {"Idempotency-Key": "once"}
        first = http.post("/v1/users", json=ANN, headers=key)
        address = f"/v1/users/{first.json['id']}"
        http.patch(address, json={"name": "Ann Ng"}, headers={"If-Match": '"1"'})

        again = http.post("/v1/users", json=ANN, headers=key)

        assert (again.status_code, again.data) == (201, first.data)
        assert again.headers["ETag"] == first.headers["ETag"]

    @pytest.mark.parametrize("change", [{"name": "Ann Ng"}, {"password": "another password"}])
    def test_another_body_under_its_key_is_refused(self, http: Client, change: Document) -> None:
        key = {"Idempotency-Key": "once"}
        http.post("/v1/users", json=ANN, headers=key)

        answer = http.post("/v1/users", json=ANN | change, headers=key)

        assert (answer.status_code, answer.json["type"]) == (
            422,
            "urn:kith:problem:idempotency-key-reused",
        )

    def test_keeps_nothing_from_which_the_password_is_quickly_guessed(
        self, http_as: As, add_user: Add, database: Database[Document]
    ) -> None:
        admin = add_user(role="admin")
        http_as(admin).post("/v1/users", json=ANN, headers={"Idempotency-Key": "once"})

        stored = database.users.find_one({"name": "Ann Lee", "request": {"$exists": True}}) or {}
        quick = creation_request(
            "once", caller_id=admin.id, payload=ANN | {"email": "Ann@example.com"}
        )
        assert quick is not None
        assert stored["request"]["key"] == quick.key
        assert stored["request"]["fingerprint"] != quick.fingerprint


class TestPasswords:
    def test_are_in_no_answer_and_not_in_the_database(
        self, http: Client, http_as: As, database: Database[Document]
    ) -> None:
        key = {"Idempotency-Key": "once"}
        answers = [http.post("/v1/users", json=ANN, headers=key) for _ in range(2)]
        address = f"/v1/users/{answers[0].json['id']}"
        new = {"password": "another password of Ann's"}
        answers += [
            http.patch(address, json=new, headers={"If-Match": '"1"'}),
            http.get(address),
            http.get("/v1/users"),
            http.post("/v1/users", json=ANN),
            http.post("/v1/users", json=ANN | {"role": "owner"}),
            http_as(None).post("/v1/tokens", json={"email": ANN["email"], **new}),
            http_as(None).post("/v1/tokens", json={"email": ANN["email"], "password": "no"}),
        ]

        told = b"".join(answer.data for answer in answers).decode()
        stored = str([list(database[name].find({})) for name in database.list_collection_names()])
        for secret in (ANN["password"], new["password"], "argon2id", "password_hash"):
            assert secret not in told
        assert "password of Ann's" not in stored
        assert "argon2id" in stored


class TestGet:
    def test_answers_as_the_post_did(self, http: Client) -> None:
        registered = http.post("/v1/users", json=ANN)

        answer = http.get(f"/v1/users/{registered.json['id']}")

        assert (answer.data, answer.headers["ETag"]) == (
            registered.data,
            registered.headers["ETag"],
        )

    @pytest.mark.parametrize("id", ["none", "0" * 24, "%00", "%24gt", "%ED%A0%80"])
    def test_says_when_there_is_none(self, http: Client, id: str) -> None:
        answer = http.get(f"/v1/users/{id}")

        assert (answer.status_code, answer.json["type"]) == (404, "urn:kith:problem:no-such-user")

    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_says_who_is_asking(self, http_as: As, add_user: Add, role: str) -> None:
        user = add_user(role=role)

        me = http_as(user).get("/v1/users/me").json

        assert (me["id"], me["role"]) == (user.id, role)


class TestList:
    def test_walks_everybody_once(self, http: Client, add_user: Add) -> None:
        users = {add_user().id for _ in range(6)}

        found: list[str] = []
        cursor = ""
        for _ in range(3):
            page = http.get(f"/v1/users?limit=3{cursor}").json
            found += [user["id"] for user in page["items"]]
            cursor = page["next"] and f"&cursor={page['next']}"

        assert cursor is None
        assert len(found) == len(set(found)) == 7
        assert users < set(found)

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "role=admin"])
    def test_names_the_parameter_that_is_wrong(self, http: Client, query: str) -> None:
        answer = http.get(f"/v1/users?{query}")

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, query.split("=")[0])

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é"])
    def test_refuses_a_cursor_that_is_none(self, http: Client, cursor: str) -> None:
        assert http.get(f"/v1/users?cursor={cursor}").status_code == 400


class TestChange:
    def test_changes_what_is_sent_and_nothing_else(
        self, http: Client, database: Database[Document]
    ) -> None:
        before = http.post("/v1/users", json=ANN).json

        answer = http.patch(
            f"/v1/users/{before['id']}", json={"name": "Ann Ng"}, headers={"If-Match": '"1"'}
        )

        stored = database.users.find_one({"_id": before["id"]}) or {}
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
        assert answer.json == before | {
            "name": "Ann Ng",
            "updated_at": answer.json["updated_at"],
        }
        assert [
            (entry["to"], entry["name"], entry["data"]["version"]) for entry in stored["outbox"]
        ] == [
            ("customers", "UserRegistered", 1),
            ("customers", "UserChanged", 2),
        ]

    def test_needs_the_version(self, http: Client) -> None:
        address = f"/v1/users/{http.post('/v1/users', json=ANN).json['id']}"

        assert http.patch(address, json={"name": "B"}).status_code == 428
        for outdated in ('"2"', "1", 'W/"1"'):
            stale = http.patch(address, json={"name": "B"}, headers={"If-Match": outdated})
            assert stale.status_code == 412
        current = http.patch(address, json={"name": "B"}, headers={"If-Match": '"1"'})
        assert current.status_code == 200

    def test_of_nobody_is_refused(self, http: Client) -> None:
        answer = http.patch(f"/v1/users/{new_id()}", json={}, headers={"If-Match": '"1"'})

        assert answer.status_code == 404

    def test_many_at_once_with_one_version_make_one_change(
        self, http_as: As, add_user: Add
    ) -> None:
        user = add_user()
        clients = [http_as("admin") for _ in range(10)]

        def change(client: Client) -> int:
            answer = client.patch(
                f"/v1/users/{user.id}", json={"name": new_id()}, headers={"If-Match": '"1"'}
            )
            return int(answer.status_code)

        with ThreadPoolExecutor(len(clients)) as pool:
            statuses = sorted(pool.map(change, clients))

        assert statuses == [200] + [412] * 9

    @pytest.mark.parametrize("changes", [{"role": "sales"}, {"active": False}], ids=str)
    def test_an_admin_cannot_take_away_their_own_rights(
        self, http_as: As, add_user: Add, changes: Document
    ) -> None:
        admin = add_user(role="admin")

        answer = http_as(admin).patch(
            f"/v1/users/{admin.id}", json=changes, headers={"If-Match": '"1"'}
        )

        assert (answer.status_code, answer.json["type"]) == (
            409,
            "urn:kith:problem:own-rights-kept",
        )


class TestOwnPassword:
    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_is_changed_by_who_knows_the_old_one(
        self, http_as: As, add_user: Add, password: str, role: str
    ) -> None:
        user = add_user(role=role)
        body = {"old_password": password, "new_password": "a password of my own"}

        answer = http_as(user).post("/v1/users/me/password", json=body)

        assert (answer.status_code, answer.json["user"]["id"]) == (201, user.id)
        assert answer.json.keys() == TokensSchema().fields.keys()
        credentials = {"email": user.email, "password": body["new_password"]}
        assert http_as(None).post("/v1/tokens", json=credentials).status_code == 201

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"old_password": "another password"}, "old_password"),
            ({"old_password": None}, "old_password"),
            ({"new_password": "elevenchars"}, "new_password"),
            ({"new_password": "x" * 129}, "new_password"),
            ({"new_password": "password1234"}, "new_password"),
            ({"new_password": "correct horse battery"}, "new_password"),
        ],
        ids=str,
    )
    def test_is_refused_naming_the_field(
        self, http_as: As, add_user: Add, password: str, change: Document, field: str
    ) -> None:
        body = {"old_password": password, "new_password": "a password of my own", **change}

        answer = http_as(add_user()).post("/v1/users/me/password", json=body)

        assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (
            422,
            [field],
        )

    def test_is_nobody_elses(self, http_as: As, add_user: Add, password: str) -> None:
        body = {"old_password": password, "new_password": "a password of my own"}

        assert http_as(None).post("/v1/users/me/password", json=body).status_code == 401
        assert (
            http_as(add_user(), "imports").post("/v1/users/me/password", json=body).status_code
            == 403
        )


class TestWeakPasswords:
    @pytest.mark.parametrize("password", ["password1234", "Ann@example.com", "ANN LEE ANN LEE"])
    def test_are_refused_naming_the_field(self, http: Client, password: str) -> None:
        id = http.post("/v1/users", json=ANN).json["id"]

        answers = [
            http.post("/v1/users", json=ANN | {"email": "b@example.com", "password": "1" * 20}),
            http.patch(f"/v1/users/{id}", json={"password": password}, headers={"If-Match": '"1"'}),
        ]

        assert [answer.status_code for answer in answers] == [422, 422]
        for answer in answers:
            assert answer.json["type"] == "urn:kith:problem:password-refused"
            assert [error["field"] for error in answer.json["errors"]] == ["password"]


class TestRoles:
    @pytest.mark.parametrize(
        ("method", "path", "body", "sales", "admin"),
        [
            ("POST", "", ANN, 403, 201),
            ("GET", "", None, 403, 200),
            ("GET", "/me", None, 200, 200),
            ("POST", "/me/password", {}, 422, 422),
            ("GET", "/{id}", None, 403, 200),
            ("PATCH", "/{id}", {"name": "Ann Ng"}, 403, 200),
            ("DELETE", "/{id}", None, 405, 405),
        ],
    )
    def test_who_may_do_what(
        self,
        http_as: As,
        add_user: Add,
        method: str,
        path: str,
        body: Document | None,
        sales: int,
        admin: int,
    ) -> None:
        address = "/v1/users" + path.format(id=add_user().id)

        statuses = [
            http_as(role).open(address, method=method, json=body, headers={"If-Match": '"1"'})
            for role in (None, "sales", "admin")
        ]

        nobody = 405 if method == "DELETE" else 401
        assert [answer.status_code for answer in statuses] == [nobody, sales, admin]

    def test_sales_cannot_make_themselves_admin(self, http_as: As, add_user: Add) -> None:
        user = add_user()

        answer = http_as(user).patch(
            f"/v1/users/{user.id}", json={"role": "admin"}, headers={"If-Match": '"1"'}
        )

        assert answer.status_code == 403
