"""Version 2.0: 《社会保障卡文件结构和数据项（V2.0）》 [S1 T3–T9, annex B]; one module for each directory."""

from typing import Final

from cardlib.model import CardProfile
from cardlib.profiles.df01 import DF01
from cardlib.profiles.df02 import DF02
from cardlib.profiles.df03 import DF03
from cardlib.profiles.df04 import DF04
from cardlib.profiles.df05 import DF05
from cardlib.profiles.df06 import DF06
from cardlib.profiles.df07 import DF07
from cardlib.profiles.ssse import SSSE

V2: Final = CardProfile(version="2.0", directories=(SSSE, DF01, DF02, DF03, DF04, DF05, DF06, DF07))
