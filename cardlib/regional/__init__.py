"""What a region adds to the card (地方扩展) [S1 §6], as data: TOML files that a deployment brings along.

The specification leaves room for regions: directories from DF0A, files from EF0C in any directory, further items in
files outside the SSSE, further records in cyclic files. :func:`load` checks such files and tells all faults at once;
what it returns turns a profile of :mod:`cardlib.profiles` into the one of a region's cards.
"""

from cardlib.regional.loading import RegionalProfileError, load
from cardlib.regional.profile import RegionalProfile, RegionalProfiles

__all__ = ["RegionalProfile", "RegionalProfileError", "RegionalProfiles", "load"]
