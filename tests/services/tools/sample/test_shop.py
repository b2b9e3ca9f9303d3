"""What the generated shop is like, without a database."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from phonenumbers import is_possible_number, parse

from services.customers.model.customers import CHANNELS, Customer
from services.customers.model.names import name_key
from services.orders.model import Order
from services.tools.sample import people, sales
from services.tools.sample.names import countries
from services.tools.sample.plan import LAST_MOMENT, Plan
from shared.values.email import email_address

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan(customers=2_000, orders=2_000)


class TestCustomers:
    def test_are_the_same_for_the_same_seed(self) -> None:
        assert people.customers(PLAN, range(50)) == people.customers(PLAN, range(50))

    def test_are_others_for_another_seed(self) -> None:
        other = Plan(customers=2_000, orders=2_000, seed=7)

        mine, theirs = people.customers(PLAN, range(50)), people.customers(other, range(50))

        assert [one.last_name for one in mine] != [one.last_name for one in theirs]
        assert not {one.id for one in mine} & {one.id for one in theirs}
        assert not {one.external_id for one in mine} & {one.external_id for one in theirs}

    def test_are_reached_as_real_ones_are(self, customers: list[Customer]) -> None:
        phones = [phone.number for one in customers for phone in one.phones]
        addresses = [email.address for one in customers for email in one.emails]

        assert [number for number in phones if not is_possible_number(parse(number))] == []
        assert [email_address(address) for address in addresses] == addresses
        assert len(set(addresses)) == len(addresses)

    def test_come_from_several_countries(self, customers: list[Customer]) -> None:
        homes = Counter(one.addresses[0].country for one in customers)

        assert homes.keys() == {country.code for country in countries()}

    def test_have_names_of_all_beginnings(self, customers: list[Customer]) -> None:
        beginnings = Counter(name_key(one.last_name or "")[:1] for one in customers)

        assert len(beginnings) > 25
        assert max(beginnings.values()) < len(customers) / 5

    def test_were_asked_for_some_channels_and_like_some_things(
        self, customers: list[Customer]
    ) -> None:
        answers = Counter(one.channels.get(name) for one in customers for name in CHANNELS)
        liked = Counter(interest for one in customers for interest in one.interests)

        assert min(answers[True], answers[False], answers[None]) > len(customers) / 10
        assert len(liked) > 10
        assert max(liked.values()) < len(customers) / 5


class TestOrders:
    def test_are_the_same_for_the_same_seed(self, customers: list[Customer]) -> None:
        buyers = [sales.buyer(one, "EUR") for one in customers]

        first = sales.orders(PLAN, range(1_000, 1_050), buyers, now=NOW)

        assert first == sales.orders(PLAN, range(1_000, 1_050), buyers, now=NOW)

    def test_come_from_few_who_buy_much_and_many_who_buy_little(self, orders: list[Order]) -> None:
        bought = Counter(one.customer_id for one in orders if one.customer_id)
        often = sum(count for _, count in bought.most_common(len(bought) // 10))

        assert often > 0.3 * bought.total()
        assert sum(count <= 2 for count in bought.values()) > len(bought) / 2

    def test_follow_the_seasons(self, orders: list[Order]) -> None:
        months = Counter(one.placed_at.month for one in orders)

        assert months[11] + months[12] > 2 * (months[2] + months[3])

    def test_include_returns_of_what_was_sold(self, orders: list[Order]) -> None:
        returns = [one for one in orders if one.kind == "return"]
        sold = {(one.customer_id, line.sku) for one in orders for line in one.lines}

        assert 0.02 < len(returns) / len(orders) < 0.1
        assert all((one.customer_id, one.lines[0].sku) in sold for one in returns)
        assert all(one.total < 0 for one in returns)

    def test_have_something_of_everything(self, orders: list[Order]) -> None:
        guests = [one for one in orders if one.customer_id is None]

        assert {one.status for one in orders} == {
            "placed",
            "paid",
            "shipped",
            "delivered",
            "cancelled",
        }
        assert {one.source for one in orders} == set(sales.SOURCES)
        assert len({one.currency for one in orders}) > 5
        assert 0 < len(guests) < len(orders) / 5

    def test_are_placed_after_their_customers_came(
        self, orders: list[Order], customers: list[Customer]
    ) -> None:
        joined = {one.id: one.created_at for one in customers}

        late = [
            one
            for one in orders
            if one.customer_id and one.placed_at < joined[one.customer_id].replace(microsecond=0)
        ]
        assert late == []
        assert all(one.placed_at <= LAST_MOMENT for one in orders)


@pytest.fixture(scope="module")
def customers() -> list[Customer]:
    """All customers of the shop."""
    return [
        one for numbers in PLAN.chunks(PLAN.customers) for one in people.customers(PLAN, numbers)
    ]


@pytest.fixture(scope="module")
def orders(customers: list[Customer]) -> list[Order]:
    """All orders of the shop."""
    currencies = {country.code: country.currency for country in countries()}
    buyers = [sales.buyer(one, currencies[str(one.addresses[0].country)]) for one in customers]
    return [
        one
        for numbers in PLAN.chunks(PLAN.orders)
        for one in sales.orders(PLAN, numbers, buyers, now=NOW)
    ]
