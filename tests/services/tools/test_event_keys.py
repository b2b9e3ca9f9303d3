"""Keys of events are the same for all services, and made once."""

from pathlib import Path

from services.registry import SERVICES
from services.tools import event_keys
from shared.events.signature import read_keys


class TestShare:
    def test_makes_one_key_for_all_and_keeps_it(self, tmp_path: Path) -> None:
        for _ in range(2):
            event_keys.share(tmp_path)
            made = {(tmp_path / service / "event_keys").read_text() for service in SERVICES}
            assert len(read_keys("\n".join(made))) == 1

        assert (tmp_path / "orders" / "event_keys").stat().st_mode & 0o777 == 0o600

    def test_gives_a_service_that_has_none_those_of_the_others(self, tmp_path: Path) -> None:
        event_keys.share(tmp_path)
        known = (tmp_path / "orders" / "event_keys").read_text()
        (tmp_path / "accounts" / "event_keys").unlink()

        event_keys.share(tmp_path)

        assert (tmp_path / "accounts" / "event_keys").read_text() == known
