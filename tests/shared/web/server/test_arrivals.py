import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.web.server import arrivals as module
from shared.web.server.arrivals import GRACE_SECONDS, IDLE_SECONDS, LEAST_BYTES_A_SECOND, Arrivals


class TestDeadline:
    def test_is_the_grace_until_something_comes(self, run: Callable[..., None]) -> None:
        async def story() -> None:
            with Arrivals().one() as arrival, arrival.body:
                assert arrival.deadline == arrival.started + GRACE_SECONDS

        run(story)

    def test_moves_with_what_comes(self, run: Callable[..., None]) -> None:
        async def story() -> None:
            with Arrivals().one() as arrival, arrival.body:
                arrival.count(5 * LEAST_BYTES_A_SECOND, arrival.started + 6)

                assert arrival.deadline == arrival.started + GRACE_SECONDS + 5

        run(story)

    def test_comes_when_nothing_comes_for_long(self, run: Callable[..., None]) -> None:
        async def story() -> None:
            with Arrivals().one() as arrival, arrival.body:
                arrival.count(1_000 * LEAST_BYTES_A_SECOND, arrival.started + 6)

                assert arrival.deadline == arrival.started + 6 + IDLE_SECONDS

        run(story)

    def test_cancels_who_is_late(
        self, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "GRACE_SECONDS", 0.01)

        async def story() -> None:
            with Arrivals().one() as arrival, arrival.body, pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(30)
            assert arrival.is_late

        run(story)

    def test_leaves_out_time_in_which_nobody_read(self, run: Callable[..., None]) -> None:
        async def story() -> None:
            arrivals = Arrivals()
            with arrivals.one() as arrival, arrival.body:
                before = arrival.deadline
                with arrivals.excused(arrival):
                    await asyncio.sleep(0.05)

                assert arrival.deadline >= before + 0.05

        run(story)


class TestMostAtOnce:
    def test_makes_room_by_giving_up_the_one_nearest_to_its_deadline(
        self, run: Callable[..., None]
    ) -> None:
        async def story() -> None:
            arrivals, outcomes = Arrivals(most=2), []

            async def arrive(size: int) -> None:
                with arrivals.one() as arrival, arrival.body:
                    arrival.count(size, arrival.started)
                    try:
                        await asyncio.sleep(0.2)
                    except asyncio.CancelledError:
                        assert arrival.is_late
                        outcomes.append(size)

            await asyncio.gather(*(arrive(size) for size in (9_000, 1, 5_000)))

            assert outcomes == [1]

        run(story)

    def test_counts_those_under_way_alone(self, run: Callable[..., None]) -> None:
        async def story() -> None:
            arrivals = Arrivals(most=1)
            for _ in range(3):
                with arrivals.one() as arrival, arrival.body:
                    await asyncio.sleep(0)
                assert not arrival.is_late

        run(story)


@pytest.fixture
def run() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a story on an event loop."""

    def make(story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            await story()

        asyncio.run(whole())

    return make
