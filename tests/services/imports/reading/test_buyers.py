from typing import Any

import pytest

from services.imports.model.lines import Buyer, Place, Unfit
from services.imports.reading import buyers
from services.imports.reading.mapping_schema import BUYER, PLACE


def buyer(*, regions: tuple[str, ...] = (), **cells: str) -> tuple[Buyer | None, tuple[str, ...]]:
    return buyers.read_buyer(tuple(cells.get(name, "") for name in BUYER), regions)


def place(**cells: str) -> tuple[Place | None, tuple[str, ...]]:
    return buyers.read_place(tuple(cells.get(name, "") for name in PLACE))


class TestReadBuyer:
    def test_reads_a_person(self) -> None:
        found = buyer(
            customer="7",
            first_name="Ada",
            last_name="Lovelace",
            company="Engines Ltd",
            email="ada@example.com",
            phone="020 7946 0018",
            regions=("GB",),
        )

        expected = Buyer(
            external_id="7",
            first_name="Ada",
            last_name="Lovelace",
            company="Engines Ltd",
            emails=("ada@example.com",),
            phones=("+442079460018",),
        )
        assert found == (expected, ())

    def test_splits_a_full_name(self) -> None:
        assert buyer(name="Ada Lovelace")[0] == Buyer(first_name="Ada", last_name="Lovelace")

    def test_prefers_names_that_are_split_already(self) -> None:
        found, _ = buyer(name="Countess A. Lovelace", first_name="Ada", last_name="Lovelace")

        assert found == Buyer(first_name="Ada", last_name="Lovelace")

    def test_finds_nobody_in_blank_cells(self) -> None:
        assert buyer(customer=" ", phone="n/a") == (None, ())

    @pytest.mark.parametrize(
        ("cell", "external_id"),
        [
            ("17850.0", "17850"),
            ("17850", "17850"),
            ("007.0", "007"),
            ("1.5", "1.5"),
            ("A1.0", "A1.0"),
        ],
    )
    def test_undoes_what_spreadsheets_make_of_ids(self, cell: str, external_id: str) -> None:
        assert buyer(customer=cell)[0] == Buyer(external_id=external_id)

    @pytest.mark.parametrize("cell", ["", "nan", "NULL", "None", "-"])
    def test_makes_no_customer_of_what_means_nothing(self, cell: str) -> None:
        assert buyer(customer=cell) == (None, ())

    @pytest.mark.parametrize("cell", ["x" * 101, "a\0b"])
    def test_refuses_an_id_that_cannot_be_used(self, cell: str) -> None:
        with pytest.raises(Unfit, match="The customer"):
            buyer(customer=cell)

    def test_leaves_out_with_a_note_what_cannot_be_used(self) -> None:
        found, notes = buyer(customer="7", first_name="x" * 101, email="no", phone="none given")

        assert found == Buyer(external_id="7")
        assert notes == (
            "The first name is longer than 100 characters and was left out.",
            'The e-mail "no" cannot be read and was left out.',
            'The phone "none given" cannot be read and was left out.',
        )


class TestReadPlace:
    def test_reads_an_address(self) -> None:
        cells = {
            "line1": "1 High St",
            "line2": "Flat 2",
            "city": "Leeds",
            "region": "Yorkshire",
            "postcode": "LS1 1AA",
        }

        assert place(**cells, country="England") == (Place(**cells, country="GB"), ())

    @pytest.mark.parametrize(
        ("cells", "region"),
        [
            ({"country": "Channel Islands"}, "Channel Islands"),
            ({"country": "Unspecified", "region": "North"}, "North, Unspecified"),
        ],
    )
    def test_keeps_the_text_of_what_is_no_country(self, cells: dict[str, Any], region: str) -> None:
        assert place(**cells) == (Place(region=region), ())

    def test_finds_nowhere_in_blank_cells(self) -> None:
        assert place(country="nan") == (None, ())

    def test_leaves_out_with_a_note_what_cannot_be_used(self) -> None:
        found, notes = place(postcode="x" * 21, city="Leeds")

        assert found == Place(city="Leeds")
        assert notes == ("The postcode is longer than 20 characters and was left out.",)
