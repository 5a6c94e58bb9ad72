"""DF07, personnel and talent (人事人才信息区): honours, experts, officers turned civilian [S1 T8, T9].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import EXPERT_CATEGORY, HONORARY_TITLE, HONOUR_LEVEL, MEDAL, OFFICER_PLACEMENT
from cardlib.model import Directory, FileClass, LinearFile
from cardlib.profiles.declare import padded, personal
from cardlib.rules import rule
from cardlib.schema import an, coded, date
from cardlib.values import CardDate

HONOURS: Final = LinearFile(
    fid=0xEF05,
    name="honours",
    chinese="荣誉信息文件",
    read=rule("RK1DF07"),
    update=rule("UK1DF07"),
    file_class=FileClass.PRESET,
    clause="S1 T8 T9; 8.6.1",
    items=(
        personal(
            0xF0, "honour_title", "荣誉称号名称代码", coded(HONORARY_TITLE, an(2)), ("3536", HONORARY_TITLE["56"])
        ),
        personal(0xF1, "honour_level", "荣誉称号级别", coded(HONOUR_LEVEL, an(1)), ("31", HONOUR_LEVEL["1"])),
        personal(0xF2, "honour_approval_date", "荣誉称号批准日期", date(), ("20160501", CardDate("20160501"))),
        personal(0xF3, "medal", "荣誉奖章名称代码", coded(MEDAL, an(3)), ("393131", MEDAL["911"])),
        personal(0xF4, "medal_approval_date", "荣誉奖章批准日期", date(), ("20170501", CardDate("20170501"))),
    ),
)

EXPERT: Final = LinearFile(
    fid=0xEF06,
    name="expert",
    chinese="专家信息文件",
    read=rule("RK2DF07"),
    update=rule("UK2DF07"),
    file_class=FileClass.PRESET,
    clause="S1 T8 T9; 8.6.2",
    items=(
        personal(
            0xF5, "expert_category", "专家类别", coded(EXPERT_CATEGORY, an(3)), ("333130", EXPERT_CATEGORY["310"])
        ),
        personal(0xF6, "approval_date", "批准日期", date(), ("20180901", CardDate("20180901"))),
        personal(
            0xF7,
            "approving_body",
            "批准单位名称",
            an(70),
            (padded("B2E2CAD4CAD0C8CBC3F1D5FEB8AE", 70), "测试市人民政府"),
        ),
    ),
)

DEMOBILISED_OFFICER: Final = LinearFile(
    fid=0xEF07,
    name="demobilised_officer",
    chinese="军队转业干部信息文件",
    read=rule("RK3DF07"),
    update=rule("UK3DF07"),
    file_class=FileClass.PRESET,
    clause="S1 T8 T9; 8.6.3",
    items=(
        personal(0xF8, "demobilisation_approval_date", "批准转业日期", date(), ("20151201", CardDate("20151201"))),
        personal(0xF9, "placement", "安置方式", coded(OFFICER_PLACEMENT, an(1)), ("32", OFFICER_PLACEMENT["2"])),
    ),
)

DF07: Final = Directory(
    name="DF07",
    chinese="人事人才信息区",
    df_name=bytes.fromhex("D15600000504"),
    fid=0xDF07,
    files=(HONOURS, EXPERT, DEMOBILISED_OFFICER),
)
