"""Kith in real processes, which die and hang while people use it, in a small size."""

import pytest

from tests.faults import poisoning, storms
from tests.faults.books import Lost
from tests.faults.bugs import seeded
from tests.faults.drills import lose_the_primary
from tests.faults.rig import Rig
from tests.faults.storms import RedisFaults


class TestNothingIsLostOrDoubled:
    def test_when_processes_end_at_every_named_point(self, rig: Rig) -> None:
        with rig.system(pace=0.5) as system:
            rig.report("crash points", storms.crash_at_points(system, rounds=9, seed=rig.seed))

    def test_when_relays_workers_and_webs_are_killed(self, rig: Rig) -> None:
        kills = {
            "relay orders": 3,
            "relay customers": 2,
            "worker customers": 3,
            "worker orders": 2,
            "web orders": 2,
            "web customers": 1,
        }
        with rig.system(pace=0.5) as system:
            rig.report("kills", storms.kill_at_random(system, kills, seed=rig.seed))

    def test_when_redis_is_killed_stopped_emptied_and_full(self, rig: Rig) -> None:
        faults = RedisFaults(down=0.5, stopped=5, full=1, times=1)
        with rig.system(pace=1) as system:
            rig.report("Redis", storms.break_redis(system, faults, seed=rig.seed))

    def test_when_the_primary_steps_down_is_killed_and_hangs(self, rig: Rig) -> None:
        faults = ["step down", "kill", "pause"]
        with rig.system(pace=1) as system:
            figures = storms.break_mongodb(system, faults, seed=rig.seed, pause=15)
            rig.report("MongoDB", figures)

    def test_to_the_last_cent_when_all_of_it_goes_wrong(self, rig: Rig) -> None:
        with rig.system(pace=0.5) as system:
            rig.report("bank", storms.bank(system, seconds=12, seed=rig.seed))

    def test_of_healthy_events_when_others_are_poison(self, rig: Rig) -> None:
        with rig.system(pace=0.5, limit=2, poison=True) as system:
            rig.report("poison", poisoning.survive_poison(system))


class TestBug:
    def test_of_writing_to_one_member_is_noticed(self, rig: Rig) -> None:
        with seeded("w=1"), pytest.raises(Lost):
            lose_the_primary(rig.settings, rig.servers.mongo)
