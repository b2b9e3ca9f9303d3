import os
from pathlib import Path

import pytest

from shared.file_lock import LockHeld, locked


class TestLocked:
    def test_names_the_holder_of_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.write_text("a longer text than any process id")

        with locked(path), pytest.raises(LockHeld) as refusal, locked(path):
            pass

        assert refusal.value.holder == str(os.getpid())

    def test_leaves_a_folder_as_it_is(self, tmp_path: Path) -> None:
        with locked(tmp_path), pytest.raises(LockHeld) as refusal, locked(tmp_path):
            pass

        assert refusal.value.holder == ""
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["", "lock"], ids=["folder", "file"])
    def test_is_released_when_the_block_fails(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(BlockingIOError), locked(tmp_path / name):
            raise BlockingIOError

        with locked(tmp_path / name):
            pass

    def test_cannot_make_a_file_in_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), locked(tmp_path / "none" / "lock"):
            pass
