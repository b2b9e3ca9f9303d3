from services.imports.sending import MAX_ENTRIES, MAX_LINES, in_batches


class TestInBatches:
    def test_of_nothing_gives_none(self) -> None:
        assert list(in_batches([])) == []

    def test_holds_as_many_groups_as_one_call_may(self) -> None:
        groups = [(str(n), ["line"]) for n in range(MAX_ENTRIES * 2 + 1)]

        batches = list(in_batches(groups))

        assert [len(batch) for batch in batches] == [MAX_ENTRIES, MAX_ENTRIES, 1]
        assert [group for batch in batches for group in batch] == groups

    def test_holds_as_many_lines_as_one_call_may(self) -> None:
        groups = [(str(n), ["line"] * (MAX_LINES // 2)) for n in range(3)]

        assert [len(batch) for batch in in_batches(groups)] == [2, 1]

    def test_gives_a_group_that_is_larger_a_batch_of_its_own(self) -> None:
        groups = [("a", ["line"]), ("b", ["line"] * (MAX_LINES + 1)), ("c", ["line"])]

        assert [[name for name, _ in batch] for batch in in_batches(groups)] == [
            ["a"],
            ["b"],
            ["c"],
        ]
