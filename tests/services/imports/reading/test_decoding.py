"""Bytes decoded to lines of text."""

import codecs
import io
from collections.abc import Iterator

import pytest

from services.imports.reading.decoding import MAX_RECORD_LENGTH, Endless, Lines, Place, Text
from services.imports.reading.errors import FileUnreadable
from services.imports.reading.unpacking import pieces

PLENTY = 10_000_000


def text_of(content: bytes, encoding: str | None) -> Text:
    start = Place(encoding=encoding) if encoding else Place()
    return Text(pieces(io.BytesIO(content), max_bytes=PLENTY), start=start)


def decoded(content: bytes, *, encoding: str | None = None) -> tuple[str, str]:
    text = text_of(content, encoding)
    return "".join(text), text.encoding


def lines(*parts: str) -> list[str]:
    return list(read_records(Lines(parts)))


def read_records(source: Lines) -> Iterator[str]:
    for line in source:
        source.pending = 0
        yield line


class TestText:
    @pytest.mark.parametrize(
        ("mark", "encoding"),
        [
            (codecs.BOM_UTF8, "utf-8"),
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (codecs.BOM_UTF16_BE, "utf-16-be"),
            (codecs.BOM_UTF32_LE, "utf-32-le"),
        ],
    )
    def test_believes_a_byte_order_mark(self, mark: bytes, encoding: str) -> None:
        content = mark + "Größe,€".encode(encoding)

        assert decoded(content, encoding="cp1252") == ("Größe,€", encoding)

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("Größe M, Füßlinge für Mädchen\n", "cp1252"),
            ("Señor Muñoz, camisón rosa\n", "cp1252"),
            ("Crème brûlée à l\u2019œuf français\n", "cp1252"),
            ("Mütze 5 €\n", "cp1252"),
            ("Blå kökshanddukar;Malmö\n", "cp1252"),
            ("Cañón ¿qué?;Muñoz\n", "cp1252"),
            ("Książka żółta;Kraków, Łódź\n", "cp1250"),
            ("Чайник эмалированный, Москва\n", "cp1251"),
            ("株式会社テスト 東京都\n", "cp932"),
            ("Größe, Чайник, 株式会社\n", "utf-8"),
        ],
    )
    def test_finds_the_encoding_out(self, text: str, encoding: str) -> None:
        content = (text * 30).encode(encoding)

        assert decoded(content) == (text * 30, encoding)

    @pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
    def test_finds_it_out_however_late_the_first_accent_is(self, encoding: str) -> None:
        text = "plain text\n" * 50_000 + "Müller\n"

        assert decoded(text.encode(encoding)) == (text, encoding)

    def test_reads_signs_that_two_pieces_share(self) -> None:
        text = "x" + "€" * 100_000

        assert decoded(text.encode()) == (text, "utf-8")

    def test_says_ascii_where_nothing_told(self) -> None:
        assert decoded(b"plain") == ("plain", "ascii")

    def test_does_as_it_is_told(self) -> None:
        assert decoded("Łódź".encode("cp1250"), encoding="cp1250") == ("Łódź", "cp1250")

    @pytest.mark.parametrize("encoding", [None, "utf-8"])
    def test_gives_out_all_before_a_broken_byte(self, encoding: str | None) -> None:
        content = "Müller\n".encode() * 20_000 + b"\xff\n"
        text = text_of(content, encoding)
        given_out = io.StringIO()

        with pytest.raises(UnicodeDecodeError):
            given_out.writelines(text)

        assert given_out.getvalue() == "Müller\n" * 20_000

    def test_refuses_a_sign_cut_off_at_the_end(self) -> None:
        with pytest.raises(UnicodeDecodeError):
            decoded("Müller €".encode()[:-1])

    def test_refuses_to_guess_wildly(self) -> None:
        with pytest.raises(FileUnreadable, match="its encoding cannot be told"):
            decoded(bytes(range(0x80, 0x100)) * 20)

    def test_refuses_binary_data(self) -> None:
        with pytest.raises(FileUnreadable, match="it holds binary data"):
            decoded(b"\x89\xffABC\0\0\xfe\0")


class TestLines:
    def test_keeps_line_ends(self) -> None:
        assert lines("a\nb\r\nc\rd") == ["a\n", "b\r\n", "c\r", "d"]

    def test_joins_lines_that_pieces_share(self) -> None:
        assert lines("a", "b\r", "\nc", "", "d\n") == ["ab\r\n", "cd\n"]

    def test_splits_at_nothing_else(self) -> None:
        assert lines("a\x0bb\x0cc\x85d\u2028e\n") == ["a\x0bb\x0cc\x85d\u2028e\n"]

    def test_refuses_a_line_without_end(self) -> None:
        with pytest.raises(Endless, match="longer than 1,000,000 characters"):
            lines(*["x" * 100_000] * 11)

    def test_refuses_a_record_without_end(self) -> None:
        with pytest.raises(Endless, match="longer than 1,000,000 characters"):
            list(Lines(["x" * 99 + "\n"] * (MAX_RECORD_LENGTH // 100 + 1)))

    def test_sees_that_the_last_record_did_not_end(self) -> None:
        with pytest.raises(Endless, match="a quotation mark opens a text that nothing closes"):
            list(Lines(['a,"b\n']))
