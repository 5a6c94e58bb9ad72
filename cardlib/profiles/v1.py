"""Version 1.0: what cards were before the notice of 2012 [S2.6 T4; S1 annex C, attachment].

The items' vectors are of invented people and cards: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import CARD_CATEGORY, ETHNICITY, SEX
from cardlib.model import CardProfile, Directory, ElementaryFile, Item, Structure
from cardlib.rules import FREE, Key
from cardlib.schema import an, card_identifier, cn, coded, date
from cardlib.values import CardDate, CardIdentifier

# EF05 issuer data (发卡机构数据)

CARD_IDENTIFIER: Final = Item(
    tag=0x01,
    name="card_identifier",
    chinese="卡的识别码",
    schema=card_identifier(),
    vector=("990000D156000005000A0B1CFFFFFFFF", CardIdentifier("990000D156000005000A0B1CFFFFFFFF")),
    proto="card_identifier",
    sensitive=True,
)
CATEGORY: Final = Item(
    tag=0x02,
    name="card_category",
    chinese="卡的类别",
    schema=coded(CARD_CATEGORY, an(1)),
    vector=("33", CARD_CATEGORY["3"]),
    proto="card_category",
    sensitive=False,
)
SPEC_VERSION: Final = Item(
    tag=0x03,
    name="spec_version",
    chinese="规范版本",
    schema=an(4),
    vector=("312E3030", "1.00"),
    proto="spec_version",
    sensitive=False,
)
INITIALISING_BODY: Final = Item(
    tag=0x04,
    name="initialising_body",
    chinese="初始化机构编号",
    schema=cn(12),
    vector=("915600000299000099010102", "915600000299000099010102"),
    proto="initialising_body",
    sensitive=False,
)
ISSUE_DATE: Final = Item(
    tag=0x05,
    name="issue_date",
    chinese="发卡日期",
    schema=date(),
    vector=("20190304", CardDate("20190304")),
    proto="issue_date",
    sensitive=False,
)
EXPIRY_DATE: Final = Item(
    tag=0x06,
    name="expiry_date",
    chinese="卡有效期",
    schema=date(),
    vector=("20390303", CardDate("20390303")),
    proto="expiry_date",
    sensitive=False,
)
CARD_NUMBER: Final = Item(
    tag=0x07,
    name="card_number",
    chinese="卡号",
    # Cards of early issues hold longer numbers, of which the first nine characters count [S3 §10.4].
    schema=an(9),
    vector=("543030303030303031", "T00000001"),
    proto="card_number",
    sensitive=True,
)

# EF06 holder's basic data (持卡人基本信息)

SOCIAL_SECURITY_NUMBER: Final = Item(
    tag=0x08,
    name="social_security_number",
    chinese="公民身份号码",
    schema=an(18),
    vector=("393930303030313939303031303130303137", "990000199001010017"),
    proto="social_security_number",
    sensitive=True,
)
NAME: Final = Item(
    tag=0x09,
    name="name",
    chinese="姓名",
    schema=an(30),
    vector=("D5C5C8FD" + "00" * 26, "张三"),
    proto="name",
    sensitive=True,
)
HOLDER_SEX: Final = Item(
    tag=0x0A,
    name="sex",
    chinese="性别",
    schema=coded(SEX, an(1)),
    vector=("31", SEX["1"]),
    proto="sex",
    sensitive=True,
)
HOLDER_ETHNICITY: Final = Item(
    tag=0x0B,
    name="ethnicity",
    chinese="民族",
    schema=coded(ETHNICITY, cn(1)),
    vector=("20", ETHNICITY["20"]),
    proto="ethnicity",
    sensitive=True,
)
BIRTH_PLACE: Final = Item(
    tag=0x0C,
    name="birth_place",
    chinese="出生地",
    schema=cn(3),
    vector=("990000", "990000"),
    proto="birth_place",
    sensitive=True,
)
BIRTH_DATE: Final = Item(
    tag=0x0D,
    name="birth_date",
    chinese="出生日期",
    schema=date(),
    vector=("19900101", CardDate("19900101")),
    proto="birth_date",
    sensitive=True,
)

ISSUER: Final = ElementaryFile(
    fid=0xEF05,
    name="issuer",
    chinese="发卡机构数据文件",
    structure=Structure.LINEAR_VARIABLE,
    read=FREE,
    update=Key("UKMF"),
    items=(CARD_IDENTIFIER, CATEGORY, SPEC_VERSION, INITIALISING_BODY, ISSUE_DATE, EXPIRY_DATE, CARD_NUMBER),
)
HOLDER: Final = ElementaryFile(
    fid=0xEF06,
    name="holder",
    chinese="持卡人的基本信息文件",
    structure=Structure.LINEAR_VARIABLE,
    read=FREE,
    update=Key("UKMF"),
    items=(SOCIAL_SECURITY_NUMBER, NAME, HOLDER_SEX, HOLDER_ETHNICITY, BIRTH_PLACE, BIRTH_DATE),
)
SSSE: Final = Directory(
    name="SSSE",
    chinese="社会保障系统环境",
    # sx1.sh.社会保障 in GBK
    df_name=bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF"),
    files=(ISSUER, HOLDER),
)

V1: Final = CardProfile(version="1.0", directories=(SSSE,))
