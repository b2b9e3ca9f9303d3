import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.backup import BackupBroken, BackupFailed, manifest
from shared.backup.manifest import Manifest, from_json, to_json


class TestRead:
    def test_gives_what_was_written(self, backup: Manifest, folder: Path) -> None:
        assert manifest.read(folder) == backup

    def test_notices_every_changed_byte(self, backup: Manifest, folder: Path) -> None:
        path = folder / "manifest.json"
        whole = path.read_bytes()

        for position in range(0, len(whole), 97):
            path.write_bytes(flipped(whole, position))
            try:
                assert manifest.read(folder) == backup
            except BackupBroken:
                continue
            # White space between two values says nothing.
            assert whole[position : position + 1].isspace()

    def test_says_that_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(BackupFailed, match=r"holds no backup \(manifest.json: No such file"):
            manifest.read(tmp_path)

    @pytest.mark.usefixtures("backup")
    def test_refuses_a_later_format(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(manifest, "FORMAT", 2)

        with pytest.raises(BackupFailed, match="has format 1, and this Kith reads 2"):
            manifest.read(folder)

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 1}'])
    def test_refuses_what_is_no_manifest(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "manifest.json").write_text(text)

        with pytest.raises(BackupBroken):
            manifest.read(tmp_path)


class TestWrite:
    def test_says_everything_in_plain_words(self, backup: Manifest, folder: Path) -> None:
        body = json.loads((folder / "manifest.json").read_text())

        assert body["format"] == 1
        assert body["at"] == backup.at.isoformat()
        (things,) = [one for one in body["collections"] if one["collection"] == "things"]
        assert things["documents"] == 3
        assert {"sha256", "bytes", "stored_bytes", "options", "indexes"} <= things.keys()

    def test_does_not_replace_another(self, backup: Manifest, folder: Path) -> None:
        with pytest.raises(FileExistsError):
            manifest.write(replace(backup, prefix="x"), folder)


class TestJson:
    def test_keeps_types_and_the_order_of_fields(self) -> None:
        value = {"key": {"b": -1, "a": 1}, "seconds": 7_776_000, "half": 0.5, "none": None}

        back = from_json(to_json(value))

        assert back == value
        assert list(back["key"]) == ["b", "a"]
        assert [type(one) for one in back.values()] == [dict, int, float, type(None)]


def flipped(content: bytes, position: int) -> bytes:
    """The same, but for one bit."""
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
