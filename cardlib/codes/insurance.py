"""Code tables about social insurance except medical (社会保险) [S1 §8]."""

from typing import Final

from cardlib.codes.table import CodeTable, yes_no

ASSESSMENT_MATTER: Final = CodeTable(
    "matter assessed or confirmed",
    "鉴定或确认事项",
    "S1 T31",
    (
        (
            "10",
            "工伤职工劳动能力鉴定(含劳动功能障碍程度、生活自理障碍程度鉴定)",
            "work injury: labour capability assessment (incl. impairment and self-care)",
        ),
        ("20", "工伤职工延长停工留薪期确认", "work injury: longer paid suspension of work"),
        ("30", "工伤职工配置辅助器具确认(含安装、维护、更换辅助器具确认)", "work injury: assistive device"),
        ("40", "工伤职工康复性治疗确认", "work injury: rehabilitation treatment"),
        ("50", "工伤职工工伤直接导致疾病确认", "work injury: disease directly caused"),
        ("60", "工伤职工旧伤复发确认", "work injury: relapse"),
        ("70", "工伤职工其他确认事项", "work injury: other"),
        ("80", "因工死亡职工供养亲属劳动能力鉴定", "dependant of a worker who died at work: capability assessment"),
        ("90", "因病或非因工负伤职工劳动能力鉴定", "illness or injury outside work: capability assessment"),
    ),
)

DISABILITY_GRADE: Final = CodeTable(
    "disability grade",
    "伤残等级",
    "S1 T32",
    (
        ("01", "伤残一级", "disability grade 1"),
        ("02", "伤残二级", "disability grade 2"),
        ("03", "伤残三级", "disability grade 3"),
        ("04", "伤残四级", "disability grade 4"),
        ("05", "伤残五级", "disability grade 5"),
        ("06", "伤残六级", "disability grade 6"),
        ("07", "伤残七级", "disability grade 7"),
        ("08", "伤残八级", "disability grade 8"),
        ("09", "伤残九级", "disability grade 9"),
        ("10", "伤残十级", "disability grade 10"),
        ("11", "未达等级", "below grade"),
    ),
)

SELF_CARE_GRADE: Final = CodeTable(
    "self-care grade",
    "生活自理障碍等级",
    "S1 T33",
    (
        ("1", "生活完全不能自理", "fully dependent"),
        ("2", "生活大部分不能自理", "largely dependent"),
        ("3", "生活部分不能自理", "partly dependent"),
        ("4", "未达等级", "below grade"),
    ),
)

LABOUR_CAPABILITY_LOSS: Final = CodeTable(
    "loss of labour capability",
    "丧失劳动能力鉴定结论",
    "S1 T34",
    (
        ("0", "未完全丧失", "not total"),
        ("1", "完全丧失", "total"),
    ),
)

CONFIRMATION: Final = CodeTable(
    "confirmation",
    "确认事项结论",
    "S1 T35",
    (
        ("0", "不通过", "not confirmed"),
        ("1", "通过", "confirmed"),
    ),
)

PENSION_KIND: Final = CodeTable(
    "kind of pension insurance",
    "养老保险险种类型",
    "S1 T36",
    (
        ("110", "城镇企业职工基本养老保险", "urban enterprise employees' basic pension insurance"),
        ("120", "机关事业单位养老保险", "public institutions' pension insurance"),
        ("150", "新型农村社会养老保险", "new rural social pension insurance"),
        ("160", "城镇居民社会养老保险", "urban residents' social pension insurance"),
        ("170", "城乡居民社会养老保险", "urban and rural residents' social pension insurance"),
    ),
)

SPOUSE_NOT_EMPLOYED: Final = yes_no("spouse without employment", "职工未就业配偶标识", "S1 T37")

WORK_INJURY_CONCLUSION: Final = CodeTable(
    "conclusion on a work injury",
    "工伤认定结论",
    "S1 T38",
    (
        ("1", "工伤", "work injury"),
        ("2", "视同工伤", "deemed work injury"),
        ("3", "不属于工伤", "not a work injury"),
        ("4", "不视同工伤", "not deemed work injury"),
    ),
)

DEPENDANTS_INSURANCE_KIND: Final = CodeTable(
    "kind of insurance that supports dependants",
    "供养险种类型",
    "S1 T39",
    (
        *PENSION_KIND.rows,
        ("410", "工伤保险", "work-injury insurance"),
    ),
)

DEPENDENCY_RELATION: Final = CodeTable(
    "relation to the supporter",
    "供养关系",
    "S1 T40",
    (
        ("1", "配偶", "spouse"),
        ("2", "子女", "child"),
        ("4", "孙子、孙女或外孙子、外孙女", "grandchild"),
        ("5", "父母", "parent"),
        ("6", "祖父母或外祖父母", "grandparent"),
        ("7", "兄、弟、姐、妹", "sibling"),
    ),
)

INSURANCE_KIND: Final = CodeTable(
    "kind of insurance",
    "险种类型",
    "S1 T41",
    (
        *PENSION_KIND.rows,
        ("210", "失业保险", "unemployment insurance"),
        ("310", "职工基本医疗保险", "employees' basic medical insurance"),
        ("380", "新型农村合作医疗", "new rural cooperative medical scheme"),
        ("390", "城乡居民基本医疗保险", "urban and rural residents' basic medical insurance"),
        ("391", "城镇居民基本医疗保险", "urban residents' basic medical insurance"),
        ("410", "工伤保险", "work-injury insurance"),
        ("510", "生育保险", "maternity insurance"),
    ),
)
