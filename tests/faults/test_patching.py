"""That faults which cannot be installed fail the suite, and those that can do what they say."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import points
from tests.faults.bugs import BUGS, Bug
from tests.faults.patching import TargetGone, replace, replaced
from tests.faults.points import EXIT_CODE, POINTS, Point

ROOT = Path(__file__).parents[2]


class TestReplace:
    @pytest.mark.parametrize(
        "target",
        [
            "shared.no_such_module:name",
            "shared.messaging.relay:no_such_function",
            "shared.messaging.relay:Relay.no_such_method",
            "shared.messaging.relay:NoSuchClass.run",
        ],
    )
    def test_refuses_what_is_not_there(self, target: str) -> None:
        with pytest.raises(TargetGone, match="aim the fault again"):
            replace(target, lambda original: original)

    def test_puts_the_original_back(self) -> None:
        original = vars(points)["arm"]

        with replaced("tests.faults.points:arm", lambda _: None):
            assert vars(points)["arm"] is None

        assert vars(points)["arm"] is original


class TestPoint:
    @pytest.mark.parametrize("point", POINTS, ids=[point.name for point in POINTS])
    def test_is_where_the_product_has_a_function(self, point: Point) -> None:
        point.install(lambda _: None)()

    def test_has_a_name_of_its_own(self) -> None:
        names = [point.name for point in POINTS]

        assert len(set(names)) == len(names)
        assert len(names) >= 12

    def test_ends_the_process_that_passes_it_the_nth_time(self, tmp_path: Path) -> None:
        points.arm(tmp_path, "worker.done", at_pass=2)

        codes = [passing(tmp_path, "worker.done") for _ in range(3)]

        assert codes == [0, EXIT_CODE, 0]
        assert points.deaths(tmp_path) == ["worker.done"]
        assert not points.is_armed(tmp_path, "worker.done")

    def test_that_is_not_armed_ends_nobody(self, tmp_path: Path) -> None:
        points.arm(tmp_path, "worker.done", at_pass=1)

        assert passing(tmp_path, "worker.counted") == 0
        assert points.is_armed(tmp_path, "worker.done")
        assert points.deaths(tmp_path) == []


class TestBug:
    @pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
    def test_is_where_the_product_has_a_function(self, bug: Bug) -> None:
        with replaced(bug.target, bug.replacement):
            pass


def passing(folder: Path, name: str) -> int:
    """The exit code of a process that passed a point once."""
    code = (
        "import sys; from pathlib import Path; from tests.faults import points; "
        "points.die_if_armed(Path(sys.argv[1]), sys.argv[2])"
    )
    ended = subprocess.run(  # noqa: S603 - our own interpreter runs our own code.
        (sys.executable, "-c", code, str(folder), name), cwd=ROOT, check=False
    )
    return ended.returncode
