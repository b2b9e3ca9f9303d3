import pytest

from services.imports.reading import countries


class TestCodeOf:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("GB", "GB"),
            ("gbr", "GB"),
            ("United Kingdom", "GB"),
            ("U.K.", "GB"),
            ("England", "GB"),
            ("Scotland", "GB"),
            ("EIRE", "IE"),
            ("RSA", "ZA"),
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("Czech Republic", "CZ"),
            ("Hong Kong", "HK"),
            (" united   arab emirates ", "AE"),
            ("The Netherlands", "NL"),
            ("Deutschland", "DE"),
            ("Österreich", "AT"),
            ("OSTERREICH", "AT"),
            ("Großbritannien", "GB"),
            ("Suisse", "CH"),
            ("España", "ES"),
            ("Italia", "IT"),
            ("Niederlande", "NL"),
            ("Polska", "PL"),
            ("Ελλάδα", "GR"),
            ("Bosnia & Herzegovina", "BA"),
            ("Türkiye", "TR"),
            ("Korea, Republic of", "KR"),
            ("Côte d\u2019Ivoire", "CI"),
        ],
    )
    def test_knows(self, text: str, code: str) -> None:
        assert countries.code_of(text) == code

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Channel Islands",
            "European Community",
            "Unspecified",
            "EU",
            "Kosovo",
            "XK",
            "Kongo",
            "?",
        ],
    )
    def test_has_no_code_for_what_is_no_country(self, text: str) -> None:
        assert countries.code_of(text) is None
