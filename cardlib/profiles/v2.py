"""Version 2.0: 《社会保障卡文件结构和数据项（V2.0）》 [S1 T3, T9], as its difference from 1.0."""

from dataclasses import replace
from typing import Final

from cardlib.model import Item, Joined
from cardlib.profiles import v1
from cardlib.rules import Key
from cardlib.schema import an

SPEC_VERSION: Final = replace(v1.SPEC_VERSION, vector=("322E3030", "2.00"))
SOCIAL_SECURITY_NUMBER: Final = replace(v1.SOCIAL_SECURITY_NUMBER, chinese="社会保障号码")

NAME_EXTENSION: Final = Item(
    tag=0x4E,
    name="name_extension",
    chinese="姓名扩展",
    schema=an(20),
    vector=("00" * 20, None),
    proto=None,
    sensitive=True,
)
FULL_NAME: Final = Joined(
    name="name",
    chinese="姓名",
    parts=(v1.NAME, NAME_EXTENSION),
    # The records meet within the fifteenth character, which takes bytes 29 to 32. Bytes made by glibc's iconv.
    vector=(
        "C5B7D1F4BCD7D2D2B1FBB6A1CEECBCBAB8FDD0C1C8C9B9EFA1A4D7D39534B235B3F3" + "00" * 16,
        "欧阳甲乙丙丁戊己庚辛壬癸·子𠮷丑",
    ),
    proto="name",
    sensitive=True,
)

V2: Final = v1.V1.derive(
    "2.0",
    issuer={"update": Key("UKSSSE"), "items": v1.ISSUER.replacing(SPEC_VERSION)},
    holder={
        "update": Key("UKSSSE"),
        "items": (
            SOCIAL_SECURITY_NUMBER,
            v1.NAME,
            NAME_EXTENSION,
            v1.HOLDER_SEX,
            v1.HOLDER_ETHNICITY,
            v1.BIRTH_PLACE,
            v1.BIRTH_DATE,
        ),
        "views": (FULL_NAME,),
    },
)
