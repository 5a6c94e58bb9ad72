"""SSSE, the social security environment (社会保障系统环境): the card, its holder, fingerprint and photo [S1 T3, T9].

The items' vectors are of invented people and cards: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import CARD_CATEGORY, ETHNICITY, SEX
from cardlib.model import Directory, FileClass, Item, Joined, LinearFile, TransparentFile
from cardlib.profiles.declare import padded, personal, untagged
from cardlib.rules import rule
from cardlib.schema import an, binary, card_identifier, cn, coded, date, region
from cardlib.values import CardDate, CardIdentifier

SPEC_VERSION: Final = Item(
    tag=0x03,
    name="spec_version",
    chinese="规范版本",
    schema=an(4),
    vector=("322E3030", "2.00"),
    proto="spec_version",
    sensitive=False,
)

ISSUER: Final = LinearFile(
    fid=0xEF05,
    name="issuer",
    chinese="发卡机构数据文件",
    read=rule("free"),
    update=rule("UKSSSE"),
    clause="S1 T3 T9; 8.1.1",
    items=(
        personal(
            0x01,
            "card_identifier",
            "卡的识别码",
            card_identifier(),
            ("990000D156000005000A0B1CFFFFFFFF", CardIdentifier("990000D156000005000A0B1CFFFFFFFF")),
        ),
        Item(
            tag=0x02,
            name="card_category",
            chinese="卡的类别",
            schema=coded(CARD_CATEGORY, an(1)),
            vector=("33", CARD_CATEGORY["3"]),
            proto="card_category",
            sensitive=False,
        ),
        SPEC_VERSION,
        Item(
            tag=0x04,
            name="initialising_body",
            chinese="初始化机构编号",
            schema=cn(12),
            vector=("915600000299000099010102", "915600000299000099010102"),
            proto="initialising_body",
            sensitive=False,
        ),
        Item(
            tag=0x05,
            name="issue_date",
            chinese="发卡日期",
            schema=date(),
            vector=("20190304", CardDate("20190304")),
            proto="issue_date",
            sensitive=False,
        ),
        Item(
            tag=0x06,
            name="expiry_date",
            chinese="卡有效期",
            schema=date(),
            vector=("20390303", CardDate("20390303")),
            proto="expiry_date",
            sensitive=False,
        ),
        # Cards of early issues hold longer numbers, of which the first nine characters count [S3 §10.4].
        personal(0x07, "card_number", "卡号", an(9), ("543030303030303031", "T00000001")),
    ),
)

SOCIAL_SECURITY_NUMBER: Final = personal(
    0x08,
    "social_security_number",
    "社会保障号码",
    an(18),
    ("393930303030313939303031303130303137", "990000199001010017"),
)
NAME: Final = personal(0x09, "name", "姓名", an(30), (padded("D5C5C8FD", 30), "张三"))
NAME_EXTENSION: Final = Item(
    tag=0x4E,
    name="name_extension",
    chinese="姓名扩展",
    schema=an(20),
    vector=(padded("", 20), None),
    proto=None,
    sensitive=True,
)
FULL_NAME: Final = Joined(
    name="name",
    chinese="姓名",
    parts=(NAME, NAME_EXTENSION),
    # The records meet within the fifteenth character, which takes bytes 29 to 32. Bytes made by glibc's iconv.
    vector=(
        padded("C5B7D1F4BCD7D2D2B1FBB6A1CEECBCBAB8FDD0C1C8C9B9EFA1A4D7D39534B235B3F3", 50),
        "欧阳甲乙丙丁戊己庚辛壬癸·子𠮷丑",
    ),
    proto="name",
    sensitive=True,
)

HOLDER: Final = LinearFile(
    fid=0xEF06,
    name="holder",
    chinese="持卡人的基本信息文件",
    read=rule("free"),
    update=rule("UKSSSE"),
    clause="S1 T3 T9; 8.1.2",
    items=(
        SOCIAL_SECURITY_NUMBER,
        NAME,
        NAME_EXTENSION,
        personal(0x0A, "sex", "性别", coded(SEX, an(1)), ("31", SEX["1"])),
        personal(0x0B, "ethnicity", "民族", coded(ETHNICITY, cn(1)), ("20", ETHNICITY["20"])),
        personal(0x0C, "birth_place", "出生地", region(), ("990000", "990000")),
        personal(0x0D, "birth_date", "出生日期", date(), ("19900101", CardDate("19900101"))),
    ),
    views=(FULL_NAME,),
)

# How the 768 bytes of fingerprints are laid out is not published: they pass through as they are.
_FINGERPRINT: Final = padded("46494E474552", 768)

FINGERPRINT: Final = TransparentFile(
    fid=0xEF07,
    name="fingerprint",
    chinese="指纹数据文件",
    read=rule("RKSSSE"),
    update=rule("UKSSSE"),
    file_class=FileClass.PRESET,
    clause="S1 T3 T9; 8.1.3",
    items=(untagged("content", "指纹", binary(768), (_FINGERPRINT, bytes.fromhex(_FINGERPRINT))),),
)

# A bitmap of one grey pixel of 24 bits: header of 14 bytes, BITMAPINFOHEADER of 40, one row of 4.
_PHOTO: Final = padded(
    "424D 3A000000 00000000 36000000"
    "28000000 01000000 01000000 0100 1800 00000000 04000000 232E0000 232E0000 00000000 00000000"
    "80808000",
    4096,
)

PHOTO: Final = TransparentFile(
    fid=0xEF08,
    name="photo",
    chinese="照片信息文件",
    read=rule("RKSSSE"),
    update=rule("UKSSSE"),
    file_class=FileClass.PRESET,
    clause="S1 T3 T9; 8.1.4",
    items=(untagged("content", "数字相片", binary(4096), (_PHOTO, bytes.fromhex(_PHOTO))),),
)

SSSE: Final = Directory(
    name="SSSE",
    chinese="社会保障系统环境",
    # sx1.sh.社会保障 in GBK
    df_name=bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF"),
    files=(ISSUER, HOLDER, FINGERPRINT, PHOTO),
)
