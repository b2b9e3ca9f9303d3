from dataclasses import fields, is_dataclass
from typing import Any

import orjson
import pytest

from shared.events import contracts
from shared.events.event import Event

SAMPLES = {"str": "a", "int": 1, "bool": True, "str | None": None} | {
    "dict[str, str] | None": {"id": "a", "role": "sales"},
    "list": [{"field": "a", "before": 1, "after": None}],
}


class TestAll:
    def test_holds_every_event_there_is(self) -> None:
        declared = {
            thing
            for thing in vars(contracts).values()
            if isinstance(thing, type) and issubclass(thing, Event)
        }
        bases = {base for event in declared for base in event.__bases__}

        assert set(contracts.ALL) == declared - bases - {Event}

    def test_gives_no_name_twice(self) -> None:
        names = [event.__name__ for event in contracts.ALL]

        assert len(set(names)) == len(names)


class TestEveryEvent:
    @pytest.mark.parametrize("event", contracts.ALL, ids=lambda event: event.__name__)
    def test_survives_its_journey_as_json(self, event: type[Event]) -> None:
        assert is_dataclass(event)
        types = {
            field.name: getattr(field.type, "__name__", str(field.type)) for field in fields(event)
        }
        sent: dict[str, Any] = {name: SAMPLES[type] for name, type in types.items()}

        arrived = event.from_data(orjson.loads(orjson.dumps(sent)))

        assert arrived == event(**sent)

    @pytest.mark.parametrize("event", contracts.ALL, ids=lambda event: event.__name__)
    def test_carries_a_version_and_a_time(self, event: type[Event]) -> None:
        assert {"version", "occurred_at"} <= {field.name for field in fields(event)}
