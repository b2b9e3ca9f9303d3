import pytest

from shared.errors import FieldError
from shared.web.faults import MAX_NAME, refusal_of
from shared.web.schemas import MAX_ERRORS


class TestRefusal:
    def test_names_each_field_by_its_path(self) -> None:
        refusal = refusal_of({"lines": {0: {"quantity": ["Too many.", "Odd."]}}})

        assert refusal.errors == (FieldError("lines.0.quantity", "Too many. Odd."),)
        assert refusal.more_errors == 0

    @pytest.mark.parametrize("messages", [["Wrong."], {"_schema": ["Wrong."]}])
    def test_names_the_body_where_there_is_no_field(self, messages: object) -> None:
        assert refusal_of(messages).errors == (FieldError("body", "Wrong."),)

    def test_has_room_for_a_few(self) -> None:
        refusal = refusal_of({str(number): ["Wrong."] for number in range(MAX_ERRORS + 3)})

        assert (len(refusal.errors), refusal.more_errors) == (MAX_ERRORS, 3)

    def test_repeats_the_beginning_of_a_name(self) -> None:
        (error,) = refusal_of({"a": {"n" * 1_000_000: ["x" * 1_000_000]}}).errors

        assert error.field == f"a.{'n' * MAX_NAME}…"
        assert len(error.message) < 1_000
