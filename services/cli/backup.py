"""Commands that make backups, restore them, and prove that they can be restored."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from services.cli import terminal
from services.tools import backup, restore_check
from services.tools.settings import BackupSettings, load_backup
from shared.backup import BackupFailed
from shared.backup.manifest import Manifest
from shared.local.signals import interrupted_once
from shared.settings import SettingsInvalid


@click.command(name="backup")
@click.option("--to", type=click.Path(path_type=Path), help="The folder for backups.")
def make_backup(to: Path | None) -> None:
    """Back up the databases of all services as of this moment; remove expired backups."""
    settings, kept = terminal.read(), _backup_settings()
    kept = replace(kept, folder=to or kept.folder)
    began = time.monotonic()
    with _explained(f"TO={kept.folder}"), terminal.bars() as shown:
        made = backup.make(settings, kept, now=datetime.now(UTC), progress=shown.show)
    click.echo(f"backup: {made.path}")
    click.echo(f"{_size(made.manifest)}, in {time.monotonic() - began:.1f} s")
    for path in made.removed:
        click.echo(f"removed: {path}")


@click.command(name="restore")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--into", default="", help="The prefix of the restored databases' names.")
def restore_backup(folder: Path, into: str) -> None:
    """Restore the backup in FOLDER. Documents are replaced only with OVERWRITE=1."""
    settings, asked = terminal.read(), _backup_settings()
    with _explained(f"FROM={folder}"), terminal.bars() as shown:
        done = backup.restore(
            settings,
            folder,
            into=into or settings.database_prefix,
            overwrite=asked.overwrite,
            now=datetime.now(UTC),
            progress=shown.show,
        )
    click.echo(f"restored: {', '.join(done.manifest.database_names(into=done.prefix))}")
    click.echo(_size(done.manifest))
    click.echo(f"events that go out again: those of {done.waiting:,} documents")
    if not done.emptied:
        click.echo(
            "Redis does not answer, so messages from before may be in it; empty it before Kith "
            "runs on what was restored.",
            err=True,
        )


@click.command(name="restore-check")
@click.argument("folder", type=click.Path(path_type=Path))
def check_backup(folder: Path) -> None:
    """Restore the backup in FOLDER beside the live data, compare everything, drop the copy."""
    settings = terminal.read()
    began = time.monotonic()
    with _explained(f"FROM={folder}"), terminal.bars() as shown:
        made, found = restore_check.check(settings, folder, progress=shown.show)
    for sentence in found:
        click.echo(sentence, err=True)
    if found:
        raise click.ClickException(f"{folder} is not right in {len(found)} ways; see above.")
    click.echo(f"OK: {_size(made)}, checked in {time.monotonic() - began:.1f} s")


COMMANDS = (make_backup, restore_backup, check_backup)


def _backup_settings() -> BackupSettings:
    with terminal.sentence(SettingsInvalid):
        return load_backup()


def _size(made: Manifest) -> str:
    documents = sum(record.documents for record in made.records)
    plain = sum(record.bytes for record in made.records) / 1e6
    stored = sum(record.stored_bytes for record in made.records) / 1e6
    return (
        f"{documents:,} documents of {len(made.records)} collections as of {made.at:%Y-%m-%d %X} "
        f"UTC, {plain:,.1f} MB ({stored:,.1f} MB compressed)"
    )


@contextmanager
def _explained(folder: str) -> Iterator[None]:
    """Clean up when a signal comes, and end with one sentence instead of a trace."""
    try:
        with terminal.explained(BackupFailed), interrupted_once():
            yield
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or folder} cannot be used ({error.strerror or error}); name another "
            f"folder than {folder}."
        ) from error
