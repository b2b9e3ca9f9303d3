import asyncio
import time
from collections.abc import Awaitable, Callable
from threading import Event, current_thread
from threading import enumerate as threads

import pytest

from shared.web.server.threads import Threads

Story = Callable[[Threads], Awaitable[None]]


class TestThreads:
    @pytest.mark.parametrize("at_once", [True, False])
    def test_give_the_outcome(self, run: Callable[[Story], None], at_once: bool) -> None:
        async def story(pool: Threads) -> None:
            assert await pool.run(max, 1, 2, at_once=at_once) == 2

        run(story)

    @pytest.mark.parametrize("at_once", [True, False])
    def test_give_the_failure(self, run: Callable[[Story], None], at_once: bool) -> None:
        async def story(pool: Threads) -> None:
            with pytest.raises(ValueError, match="nonsense"):
                await pool.run(int, "nonsense", at_once=at_once)

        run(story)

    def test_are_no_more_than_allowed(self, run: Callable[[Story], None]) -> None:
        async def story(pool: Threads) -> None:
            def work() -> str:
                time.sleep(0.01)
                return str(current_thread().ident)

            names = await asyncio.gather(*(pool.run(work) for _ in range(20)))

            assert len(set(names)) == 2

        run(story)

    def test_work_at_the_same_time(self, run: Callable[[Story], None]) -> None:
        async def story(pool: Threads) -> None:
            there = Event()
            waiting = pool.run(there.wait, 10)

            await pool.run(there.set)

            assert await waiting

        run(story)

    def test_end_in_the_end(self, run: Callable[[Story], None]) -> None:
        before = len(threads())

        async def story(pool: Threads) -> None:
            await pool.run(max, 1, 2)
            assert len(threads()) > before

        run(story)

        assert len(threads()) == before


@pytest.fixture
def run() -> Callable[[Story], None]:
    """Run a story with two threads."""

    def make(story: Story) -> None:
        async def whole() -> None:
            pool = Threads(2)
            pool.begin(asyncio.get_running_loop())
            try:
                await story(pool)
            finally:
                pool.close()

        asyncio.run(whole())

    return make
