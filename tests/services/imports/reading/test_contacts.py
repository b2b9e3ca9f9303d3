import pytest

from services.imports.reading import contacts
from shared.values.email import email_key


class TestSplitName:
    @pytest.mark.parametrize(
        ("name", "first", "last"),
        [
            ("Ada Lovelace", "Ada", "Lovelace"),
            ("Ada King Lovelace", "Ada King", "Lovelace"),
            ("Lovelace, Ada", "Ada", "Lovelace"),
            ("van Gogh, Vincent", "Vincent", "van Gogh"),
            ("Lovelace", "", "Lovelace"),
            ("Lovelace,", "", "Lovelace"),
            ("", "", ""),
        ],
    )
    def test_splits(self, name: str, first: str, last: str) -> None:
        assert contacts.split_name(name) == (first, last)


class TestReadEmails:
    @pytest.mark.parametrize(
        ("cell", "emails"),
        [
            ("ada@example.com", ("ada@example.com",)),
            (" Ada@EXAMPLE.com ", ("Ada@example.com",)),
            ("Ada <ada@example.com>", ("ada@example.com",)),
            ("ada@example.com; bob@example.com", ("ada@example.com", "bob@example.com")),
            ("", ()),
            ("n/a", ()),
        ],
    )
    def test_reads(self, cell: str, emails: tuple[str, ...]) -> None:
        assert contacts.read_emails(cell) == (emails, ())

    def test_leaves_out_what_is_none_with_a_note(self) -> None:
        found, notes = contacts.read_emails("ada@example.com, not-an-address")

        assert found == ("ada@example.com",)
        assert notes == ('The e-mail "not-an-address" cannot be read and was left out.',)

    def test_says_it_once_where_nothing_can_be_read(self) -> None:
        _, notes = contacts.read_emails("bob at home")

        assert notes == ('The e-mail "bob at home" cannot be read and was left out.',)

    def test_stays_quick_on_a_hostile_cell(self) -> None:
        assert contacts.read_emails("@" * 100_000)[0] == ()


class TestReadPhones:
    @pytest.mark.parametrize(
        ("cell", "regions", "phone"),
        [
            ("+44 20 7946 0018", (), "+442079460018"),
            ("+44 (0)20 7946 0018", (), "+442079460018"),
            ("0044-20-7946-0018", (), "+442079460018"),
            ("0044 20 7946 0018", ("US",), "+442079460018"),
            ("(020) 7946.0018", ("GB",), "+442079460018"),
            ("tel: 030/901820", ("DE",), "+4930901820"),
            ("030 901820", ("DE", "GB"), "+4930901820"),
            ("07700 900123", ("GB",), "+447700900123"),
            ("7700900123", ("GB",), "+447700900123"),
            ("447700900123.0", ("GB",), "+447700900123"),
            ("'+44 20 7946 0018", (), "+442079460018"),
            ("(212) 555-0123 ext. 5", ("US",), "+12125550123"),
            ("\uff0b44 20 7946 0018", (), "+442079460018"),
        ],
    )
    def test_reads(self, cell: str, regions: tuple[str, ...], phone: str) -> None:
        assert contacts.read_phones(cell, regions) == ((phone,), ())

    def test_prefers_the_region_in_which_the_number_is_one(self) -> None:
        assert contacts.read_phones("020 7946 0018", ("FR", "GB")) == (("+442079460018",), ())

    def test_leaves_out_a_number_without_its_area_code(self) -> None:
        assert contacts.read_phones("555-0123", ("US",))[0] == ()

    def test_reads_several(self) -> None:
        found = contacts.read_phones("020 7946 0018 / 07700 900123", ("GB",))

        assert found == (("+442079460018", "+447700900123"), ())

    @pytest.mark.parametrize(
        "cell", ["call me", "12", "4.47700900123E+11", "020 7946 0018", "9" * 600]
    )
    def test_leaves_out_what_is_none_with_a_note(self, cell: str) -> None:
        found, notes = contacts.read_phones(cell, ())

        assert found == ()
        assert "cannot be read and was left out" in notes[0]

    @pytest.mark.parametrize("cell", ["", " ", "n/a", "-"])
    def test_finds_nothing_in_nothing(self, cell: str) -> None:
        assert contacts.read_phones(cell, ("GB",)) == ((), ())


class TestEmailKey:
    def test_is_the_same_for_one_address_however_typed(self) -> None:
        assert email_key("Ada@Example.com") == email_key("ada@example.COM")
