"""Builds declared indexes where they are missing, and rebuilds changed ones, rules in force."""

from collections.abc import Iterator, Sequence

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from shared.document import Document

NEXT = "__next"
"""The ending of the name of an index that stands in for one under rebuild."""

_INDEX_NOT_FOUND = 27
_OPTIONS = (
    "unique",
    "sparse",
    "partialFilterExpression",
    "expireAfterSeconds",
    "collation",
    "hidden",
)


def build_indexes(target: Collection[Document], declared: Sequence[IndexModel]) -> Iterator[str]:
    """Build what is missing or has changed; yields a few words for each.

    :raises DuplicateKeyError: documents break a rule of uniqueness; what was there before stays.
    """
    present = target.index_information()
    for index in declared:
        name = index.document["name"]
        if name not in present:
            # If a rebuild was cut short here, what stands in for it holds the rule until then.
            target.create_indexes([index])
            yield f"index {name} built"
        if name + NEXT in present:
            _drop(target, name + NEXT)
            yield f"index {name + NEXT} dropped, a rebuild had left it"
        if name in present and not same_index(present[name], index.document):
            _rebuild(target, index)
            yield f"index {name} rebuilt, it has changed"


def same_index(present: Document, declared: Document) -> bool:
    """True if an index, as the server describes it, is as it was declared."""
    return list(present["key"]) == list(dict(declared["key"]).items()) and all(
        present.get(option) == declared.get(option) for option in _OPTIONS
    )


def _rebuild(target: Collection[Document], index: IndexModel) -> None:
    """Put an index in the place of another of its name.

    Two cannot have one name, so between them there is none. A rule of uniqueness is held by a third
    meanwhile, whose build also shows, before anything is dropped, whether all documents obey it.
    """
    name = index.document["name"]
    bridge = _bridge(index)
    if bridge is not None:
        target.create_indexes([bridge])
    _drop(target, name)
    target.create_indexes([index])
    _drop(target, name + NEXT)


def _bridge(index: IndexModel) -> IndexModel | None:
    """An index that holds the same rule of uniqueness, or None if there is none to hold.

    Two that are the same but for their names are refused. A condition that all documents fulfil
    makes it another one.
    """
    declared = index.document
    if not declared.get("unique") or declared.get("sparse"):
        return None
    always = {"_id": {"$exists": True}}
    condition = declared.get("partialFilterExpression")
    return IndexModel(
        list(declared["key"].items()),
        name=declared["name"] + NEXT,
        unique=True,
        partialFilterExpression=always if condition is None else {"$and": [condition, always]},
    )


def _drop(target: Collection[Document], name: str) -> None:
    try:
        target.drop_index(name)
    except OperationFailure as error:
        # Another setup, at the same time, was quicker.
        if error.code != _INDEX_NOT_FOUND:
            raise
