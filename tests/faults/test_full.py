"""The whole fault suite in full size: make faults."""

from dataclasses import asdict

import pytest

from tests.faults import drills, plain_celery, poisoning, shuffling, storms
from tests.faults.books import Lost
from tests.faults.bugs import seeded
from tests.faults.line import line
from tests.faults.rig import Rig
from tests.faults.storms import RedisFaults

pytestmark = pytest.mark.faults

ROUNDS = 60
ELECTIONS = (*("step down",) * 15, *("kill",) * 4, *("pause",) * 2)
SHUFFLES = 5


class TestNothingIsLostOrDoubled:
    def test_when_processes_end_at_named_points_300_times(self, rig: Rig) -> None:
        with rig.system(pace=0.5) as system:
            figures = storms.crash_at_points(system, rounds=ROUNDS, seed=rig.seed)
            rig.report("crash points", figures)
        assert figures["crash-point runs"] >= 300

    def test_when_relays_and_workers_are_killed_100_times_each(self, rig: Rig) -> None:
        kills = {
            "relay orders": 60,
            "relay customers": 40,
            "worker customers": 60,
            "worker orders": 40,
            "web orders": 20,
            "web customers": 10,
        }
        # At the pace of the product, without any fault but the kills.
        with rig.system() as system:
            rig.report("kills", storms.kill_at_random(system, kills, seed=rig.seed))

    def test_when_redis_is_broken_in_every_way(self, rig: Rig) -> None:
        faults = RedisFaults(down=0.5, stopped=30, full=1, times=10)
        with rig.system() as system:
            figures = storms.break_redis(system, faults, seed=rig.seed)
            rig.report("Redis", figures)
        assert figures["kills of Redis"] >= 20

    def test_when_mongodb_elects_20_times(self, rig: Rig) -> None:
        with rig.system() as system:
            figures = storms.break_mongodb(system, ELECTIONS, seed=rig.seed, pause=25)
            rig.report("MongoDB", figures)
        assert figures["elections"] >= 20

    def test_to_the_last_cent_when_all_goes_wrong_for_a_minute(self, rig: Rig) -> None:
        with rig.system() as system:
            rig.report("bank", storms.bank(system, seconds=60, seed=rig.seed))

    def test_of_healthy_events_when_others_are_poison(self, rig: Rig) -> None:
        with rig.system(pace=1, limit=5, poison=True) as system:
            rig.report("poison", poisoning.survive_poison(system))

    @pytest.mark.parametrize("number", range(SHUFFLES))
    def test_when_everything_is_handled_ten_times(self, rig: Rig, number: int) -> None:
        seed = rig.seed + number
        with line(rig.settings) as made:
            handled = shuffling.all_is_handled_often(made, seed=seed, people=10, orders=20)
        rig.report(
            "shuffle", {"seed": seed, "events": handled, "deliveries": handled * shuffling.TIMES}
        )

    def test_that_was_acknowledged_before_the_primary_is_lost(self, rig: Rig) -> None:
        drills.lose_the_primary(rig.settings, rig.servers.mongo)


class TestBug:
    def test_of_writing_to_one_member_is_noticed(self, rig: Rig) -> None:
        with seeded("w=1"), pytest.raises(Lost) as noticed:
            drills.lose_the_primary(rig.settings, rig.servers.mongo)
        rig.report("bug: w=1", {"noticed by": "lose_the_primary", "as": str(noticed.value)})


class TestPlainCelery:
    @pytest.mark.parametrize("settings", plain_celery.SETTINGS)
    def test_for_comparison(self, rig: Rig, settings: str) -> None:
        outcome = plain_celery.kill_workers(
            rig.servers,
            rig.folder / "plain.log",
            settings,
            kills=25,
            prefix=f"plain-{settings}",
            seed=rig.seed,
        )
        rig.report(f"plain Celery, {settings}", asdict(outcome))
        assert outcome.kills == 25
