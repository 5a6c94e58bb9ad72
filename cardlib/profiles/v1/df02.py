"""DF02 of version 1.0, employment and unemployment (就业与失业信息区) [S2.6 T6; S1 annex C and attachment].

LB002-2000 also had a file for the registration card of migrant workers from the country (农村流动劳动力就业登记卡),
updated with UK4DF02: neither its identifier nor its items are published, so it cannot be declared.
"""

from dataclasses import replace
from typing import Final

from cardlib.model import Directory, FileClass
from cardlib.profiles import df01, df02
from cardlib.profiles.declare import padded
from cardlib.profiles.v1.common import called, former, kept
from cardlib.reused import Reused
from cardlib.rules import rule
from cardlib.schema import an, btlv, cn, date
from cardlib.values import CardDate

_CLAUSE: Final = "S2.6 T6"

SKILLS: Final = replace(
    df02.SKILLS,
    read=rule("PIN|UK1DF02"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(
        called(df02.SKILLS, "professional_title", "专业技术职务"),
        former(
            0x43,
            "qualifications",
            "职业资格信息",
            btlv(
                {
                    0x5A: ("occupation", an(7), "职业"),
                    0x5B: ("grade", an(1), "职业资格等级"),
                    0x5C: ("issuing_body_code", an(9), "职业资格发证/年检机构代码"),
                    0x5D: ("issue_date", date(), "职业资格发证/年检日期"),
                }
            ),
            (
                "5A0732303230373031" + "5B0133" + "5C09393930303030303031" + "5D0420090701",
                {
                    "occupation": "2020701",
                    "grade": "3",
                    "issuing_body_code": "990000001",
                    "issue_date": CardDate("20090701"),
                },
            ),
            repeat=2,
        ),
        # In 2.0 three of them stand in DF01/EF15.
        replace(called(df01.EDUCATION, "degrees", "学历信息", {0x57: "学位", 0x58: "专业"}), repeat=2),
    ),
    views=(),
)

_CONTRACT_SIGNING: Final = former(
    0x4D, "contract_signing_date", "签订劳动合同日期", date(), ("20080620", CardDate("20080620"))
)
_CONTRACT_START: Final = former(
    0x50, "contract_start_date", "劳动合同起始日期", date(), ("20080701", CardDate("20080701"))
)

EMPLOYMENT: Final = replace(
    df02.EMPLOYMENT,
    chinese="就业与失业信息文件",
    read=rule("PIN|UK2DF02"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=df02.EMPLOYMENT.replacing(
        # What 2.0 has under 4B and 4F does not fit into four bytes: they are never rewritten, despite annex C (C).
        former(0x4B, "first_job_date", "首次参加工作日期", date(), ("20080701", CardDate("20080701"))),
        former(0x4F, "contract_end_date", "终止（解除）劳动合同日期", date(), ("20110630", CardDate("20110630"))),
        _CONTRACT_SIGNING,
        _CONTRACT_START,
    ),
    views=(
        Reused(before=(_CONTRACT_SIGNING,), after=kept(df02.EMPLOYMENT, "employment_registration_region")),
        Reused(before=(_CONTRACT_START,), after=kept(df02.EMPLOYMENT, "unemployment_registration_region")),
    ),
)

_OCCUPATION, _START, _END, _EMPLOYER = df02.EMPLOYMENT_HISTORY.items

EMPLOYMENT_HISTORY: Final = replace(
    df02.EMPLOYMENT_HISTORY,
    chinese="就业记录文件",
    read=rule("PIN|UK3DF02"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(
        _OCCUPATION,
        replace(_START, chinese="就业起始时间"),
        replace(_END, chinese="就业终止时间"),
        _EMPLOYER,
    ),
)

_PERMIT_NUMBER: Final = former(
    0x55, "permit_number", "外来人员就业证编号", cn(10), ("99000020080000000017", "99000020080000000017")
)
_PERMIT_BODY: Final = former(
    0x56, "permit_issuing_body", "就业证签发机关", an(70), (padded("D0E9B9B9CAD0C0CDB6AFBED6", 70), "虚构市劳动局")
)
_PERMIT_DATE: Final = former(
    0x96, "permit_issue_date", "就业证签发/年检日期", date(), ("20080715", CardDate("20080715"))
)
_PERMIT_EXPIRY: Final = former(0x97, "permit_expiry_date", "就业证有效期", date(), ("20100714", CardDate("20100714")))

# Annex C gives the number in a rewritten record eight bytes: its sixteen digits packed, which 2.0 has as text.
_CERTIFICATE_NUMBER: Final = replace(
    df02.EMPLOYMENT_CERTIFICATE.item_named("certificate_number"),
    schema=cn(8),
    vector=("9900001900000017", "9900001900000017"),
)

EMPLOYMENT_CERTIFICATE: Final = replace(
    df02.EMPLOYMENT_CERTIFICATE,
    chinese="农村流动劳动力就业证信息文件",
    # Its read rule is not published: the one that the other files of the directory have (C).
    read=rule("PIN|UK5DF02"),
    update=rule("UK5DF02"),
    file_class=FileClass.OPTIONAL,
    clause="S1 annex C",
    items=(_PERMIT_NUMBER, _PERMIT_BODY, _PERMIT_DATE, _PERMIT_EXPIRY),
    views=(
        Reused(
            before=(_PERMIT_NUMBER, _PERMIT_BODY, _PERMIT_DATE),
            after=(_CERTIFICATE_NUMBER, *kept(df02.EMPLOYMENT_CERTIFICATE, "issuing_body", "issue_date")),
        ),
        Reused(before=(_PERMIT_EXPIRY,), after=kept(df02.EMPLOYMENT_CERTIFICATE, "issuing_region")),
    ),
)

DF02: Final[Directory] = replace(df02.DF02, files=(SKILLS, EMPLOYMENT, EMPLOYMENT_HISTORY, EMPLOYMENT_CERTIFICATE))
