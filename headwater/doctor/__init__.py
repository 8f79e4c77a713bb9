"""The doctor: what is wrong with this installation, in plain words, and what to do about it."""

from headwater.doctor.examine import examine
from headwater.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
