"""DF03 of version 1.0, social insurance apart from medical (社会保险信息区1) [S2.6 T7; S1 annex C and attachment].

The draft of 2011 has three more files, of which no item is published; what a card holds in them comes back as it is.
"""

from dataclasses import replace
from typing import Final

from cardlib.model import Directory, FileClass, LinearFile
from cardlib.profiles import df03
from cardlib.profiles.v1.common import called, former, kept
from cardlib.reused import Reused
from cardlib.rules import PIN, rule
from cardlib.schema import count, date, money
from cardlib.values import CardDate

_CLAUSE: Final = "S2.6 T7"

_BENEFIT_RATE: Final = former(0x61, "monthly_benefit_rate", "月失业保险金支付标准", money(4), ("00080000", 80_000))

UNEMPLOYMENT_INSURANCE: Final = replace(
    df03.UNEMPLOYMENT_INSURANCE,
    read=rule("PIN&RK2DF03"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=df03.UNEMPLOYMENT_INSURANCE.replacing(
        _BENEFIT_RATE,
        called(df03.UNEMPLOYMENT_INSURANCE, "claim_report_or_update_date", "失业保险信息更新日期"),
    ),
    views=(Reused(before=(_BENEFIT_RATE,), after=kept(df03.UNEMPLOYMENT_INSURANCE, "insured_region")),),
)

# The file also had the conclusion (丧失劳动能力鉴定结论), of unpublished tag and length.
LABOUR_CAPABILITY: Final = replace(
    df03.LABOUR_CAPABILITY,
    chinese="丧失劳动能力鉴定信息文件",
    read=PIN,
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(
        called(df03.LABOUR_CAPABILITY, "assessment_date", "丧失劳动能力鉴定日期"),
        called(df03.LABOUR_CAPABILITY, "assessment_body", "鉴定机构名称"),
    ),
)

_ACCOUNT_CHANGE: Final = former(
    0x6F, "account_change_date", "基本养老保险个人账户变更日期", date(), ("20100101", CardDate("20100101"))
)
_CONTRIBUTION_MONTHS: Final = former(0x70, "contribution_months", "养老保险费累计缴纳月数", count(3), ("303336", 36))
_SAVINGS: Final = former(
    0x71,
    "personal_contribution_savings",
    "基本养老保险个人账户个人缴纳部分本息储存额",
    money(4),
    ("01234567", 1_234_567),
)

# The file also had the monthly pension (月养老金支付金额) and the savings from the employer's contributions
# (基本养老保险个人账户单位缴纳部分本息储存额), of unpublished tag and length.
PENSION: Final = replace(
    df03.PENSION,
    read=rule("PIN&RK1DF03"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(
        *kept(df03.PENSION, "account_opening_date"),
        called(df03.PENSION, "retirement_date", "办理离休、退休或退职日期"),
        _ACCOUNT_CHANGE,
        _CONTRIBUTION_MONTHS,
        _SAVINGS,
        *kept(df03.PENSION, "update_date"),
    ),
    views=(
        Reused(
            before=(_SAVINGS, _ACCOUNT_CHANGE, _CONTRIBUTION_MONTHS),
            after=kept(df03.PENSION, "insured_region", "benefit_start_date", "insurance_type"),
        ),
    ),
)


def _draft(fid: int, name: str, chinese: str, read: str, update: str) -> LinearFile:
    return LinearFile(
        fid=fid,
        name=name,
        chinese=chinese,
        read=rule(read),
        update=rule(update),
        file_class=FileClass.OPTIONAL,
        clause=_CLAUSE,
        items=(),
    )


WORK_INJURY_INSURANCE: Final = _draft(
    0xEF08, "work_injury_insurance", "工伤保险信息文件", "(PIN&RK3DF03)|UK4DF03", "UK4DF03"
)
MATERNITY_INSURANCE: Final = _draft(
    0xEF09, "maternity_insurance", "生育保险信息文件", "(PIN&RK4DF03)|UK5DF03", "UK5DF03"
)
RURAL_PENSION: Final = _draft(0xEF0A, "rural_pension", "新农保信息文件", "(PIN&RK5DF03)|UK6DF03", "UK6DF03")

DF03: Final[Directory] = replace(
    df03.DF03,
    files=(
        UNEMPLOYMENT_INSURANCE,
        LABOUR_CAPABILITY,
        PENSION,
        WORK_INJURY_INSURANCE,
        MATERNITY_INSURANCE,
        RURAL_PENSION,
    ),
)
