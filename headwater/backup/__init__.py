"""Backup and restore of a home: the records as they were at one moment, and every object that they name."""

from headwater.backup.manifest import BackupFailed
from headwater.backup.restore import check_backup, restore
from headwater.backup.take import Summary, back_up

__all__ = ["BackupFailed", "Summary", "back_up", "check_backup", "restore"]
