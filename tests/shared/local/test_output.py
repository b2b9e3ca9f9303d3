import io

from shared.local.output import Console


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


class TestConsole:
    def test_writes_the_lines_behind_aligned_names(self) -> None:
        stream = io.StringIO()
        console = Console(stream, width=6)

        console.line("web", "one")
        console.line("worker", "two")

        assert stream.getvalue() == "web    | one\nworker | two\n"

    def test_writes_plain_text_as_it_is(self) -> None:
        stream = io.StringIO()

        Console(stream, width=6).plain("copy me")

        assert stream.getvalue() == "copy me\n"

    def test_colours_names_on_a_terminal_each_its_own_way(self) -> None:
        stream = Terminal()
        console = Console(stream)

        console.line("web", "one")
        console.line("worker", "two")
        console.line("web", "three")

        first, second, third = stream.getvalue().splitlines()
        assert first == "\033[36mweb |\033[0m one"
        assert second == "\033[33mworker |\033[0m two"
        assert third == "\033[36mweb |\033[0m three"

    def test_replaces_what_the_stream_cannot_show(self) -> None:
        raw = io.BytesIO()
        console = Console(io.TextIOWrapper(raw, encoding="ascii"))

        console.line("web", "10 €")

        assert raw.getvalue() == b"web | 10 ?\n"
        assert not console.lost

    def test_knows_when_nobody_reads_any_more(self) -> None:
        console = Console(Closed())

        console.line("web", "one")

        assert console.lost
