"""Errors of a file as a whole: reasons to read none of it, or to stop reading."""

from shared.errors import FieldError, Invalid, TooLarge


class FileUnreadable(Invalid):
    """The file as a whole cannot be read; the message is a sentence that says why, and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message, errors=(FieldError("file", message),))


class FileTooLarge(FileUnreadable, TooLarge):
    """The file, unzipped, has more bytes than are taken."""
