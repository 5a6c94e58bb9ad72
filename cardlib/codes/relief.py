"""Code tables about social relief and preferential care (救助与优抚) [S1 annex B]."""

from typing import Final

from cardlib.codes.table import CodeTable

RELIEF_KIND: Final = CodeTable(
    "kind of social relief",
    "社会救助代码",
    "S1 TB26",
    (
        ("01", "城市最低生活保障", "urban minimum living allowance"),
        ("02", "农村最低生活保障", "rural minimum living allowance"),
        ("03", "农村五保供养", "rural five-guarantees support"),
        ("04", "城乡医疗救助", "urban and rural medical assistance"),
        ("09", "其他社会救助", "other relief"),
    ),
)

PREFERENTIAL_CARE_KIND: Final = CodeTable(
    "kind of preferential care",
    "优待抚恤代码",
    "S1 TB27",
    (
        ("01", "义务兵及其家属优待金", "preferential allowance for conscripts and their families"),
        ("02", "定期抚恤金", "regular pension"),
        ("03", "生活补助", "living subsidy"),
        ("04", "伤残抚恤金和伤残保健金", "disability pension and disability health allowance"),
    ),
)
