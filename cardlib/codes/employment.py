"""Code tables about work, unemployment and the help that goes with them (就业与失业) [S1 §8]."""

from typing import Final

from cardlib.codes.table import CodeTable

EMPLOYMENT_STATUS: Final = CodeTable(
    "employment or retirement status",
    "个人就业或离退休（职）状态",
    "S1 T17",
    (
        ("1", "在业", "employed"),
        ("2", "离休", "retired with honours (veteran cadre)"),
        ("3", "退休", "retired"),
        ("4", "退职", "resigned with allowance"),
        ("5", "失业", "registered unemployed"),
        ("6", "无业", "not working"),
        ("7", "从未就业", "never employed"),
        ("8", "其他非在业", "otherwise not working (abroad, military service, imprisoned)"),
    ),
)

IDENTITY_CLASS: Final = CodeTable(
    "identity class",
    "人员身份类别",
    "S1 T19",
    (
        ("11", "国家公务员", "civil servant"),
        ("12", "参照公务员管理人员", "managed like a civil servant"),
        ("13", "专业技术人员", "professional or technical staff"),
        ("17", "职员", "clerical staff"),
        ("21", "企业管理人员", "enterprise manager"),
        ("24", "工人", "worker"),
        ("27", "农民", "farmer"),
        ("31", "学生", "student"),
        ("37", "现役军人", "serviceman"),
        ("51", "自由职业者", "freelancer"),
        ("54", "个体经营者", "self-employed"),
        ("70", "无业人员", "without work"),
        ("80", "退（离）休人员", "retired"),
        ("90", "其他", "other"),
    ),
)

PROFESSIONAL_GRADE: Final = CodeTable(
    "grade of the professional post",
    "专业技术职务级别",
    "S1 T22",
    (
        ("410", "高级", "senior"),
        ("411", "正高级", "full senior"),
        ("412", "副高级", "deputy senior"),
        ("420", "中级", "intermediate"),
        ("430", "初级", "junior"),
        ("434", "助理级", "assistant"),
        ("435", "员级", "technician"),
        ("499", "未定职级", "not graded"),
    ),
)

EMPLOYMENT_REGISTRATION: Final = CodeTable(
    "employment registration",
    "就业登记类型",
    "S1 T24",
    (
        ("10", "实现就业", "employment begun"),
        ("20", "终止就业", "employment ended"),
    ),
)

EMPLOYMENT_FORM: Final = CodeTable(
    "form of employment",
    "就业形式",
    "S1 T25",
    (
        ("010", "单位就业", "employed by an organisation"),
        ("020", "自主就业", "self-directed employment"),
        ("021", "个体经营", "individual business"),
        ("022", "灵活就业", "flexible employment"),
        ("023", "其他自主就业", "other self-directed employment"),
        ("030", "公益性岗位安置", "placed in a public-welfare post"),
        ("990", "其它就业形式", "other form"),
    ),
)

UNEMPLOYMENT_REGISTRATION: Final = CodeTable(
    "unemployment registration",
    "失业登记类型",
    "S1 T26",
    (
        ("10", "失业登记", "unemployment registered"),
        ("20", "注销失业登记", "registration cancelled"),
    ),
)

UNEMPLOYMENT_REASON: Final = CodeTable(
    "reason of unemployment",
    "失业原因",
    "S1 T27",
    (
        ("00", "（注销登记时填）", "not applicable (registration is being cancelled)"),
        ("10", "年满16周岁，从各类学校毕业、肄业，未能继续升学的", "16 or over, left school, no further schooling"),
        ("20", "与企业解除或终止劳动关系的", "employment with an enterprise ended"),
        ("30", "从机关事业单位辞职或被辞退解聘的", "resigned or dismissed from a public body"),
        (
            "40",
            "由农业户口转为非农业户口，并失去承包土地的（含转产渔民和牧民）",
            "changed to non-agricultural household and lost contracted land (incl. fishermen, herdsmen)",
        ),
        ("50", "军人退出现役、且未纳入国家统一安置的", "left military service without state placement"),
        ("60", "刑满释放或假释、监外执行的", "released, paroled or serving outside prison"),
        ("70", "劳动教养期满或提前解除劳动教养的", "released from re-education through labour"),
        ("80", "个体工商户业主或私营企业业主停止经营的", "owner of a business that closed"),
        ("90", "其他", "other"),
    ),
)

CANCELLATION_REASON: Final = CodeTable(
    "reason why the registration was cancelled",
    "注销失业登记原因",
    "S1 T28",
    (
        ("00", "（失业登记时填）", "not applicable (unemployment is being registered)"),
        ("10", "享受基本养老保险待遇的和男满60女满55周岁", "drawing a basic pension, or man of 60 or woman of 55"),
        ("20", "完全丧失劳动能力", "totally unable to work"),
        ("30", "入学、服兵役、移居境外", "school, military service, moved abroad"),
        ("40", "被判刑收监执行或被劳动教养", "imprisoned or re-education through labour"),
        ("50", "连续3个月未与失业登记机构联系", "no contact with the registry for three months"),
        (
            "60",
            "已从事有稳定收入工作且收入不低于当地城市居民最低生活保障标准",
            "steady income not below the local minimum",
        ),
        ("70", "死亡", "dead"),
        ("90", "其他(含失踪)", "other (incl. missing)"),
    ),
)

ASSISTANCE_KIND: Final = CodeTable(
    "kind of person entitled to employment assistance",
    "就业援助对象类型",
    "S1 T29",
    (
        ("010", "国企下岗失业人员", "laid off from a state enterprise"),
        ("020", "国企关闭破产安置人员", "from a closed or bankrupt state enterprise"),
        ("030", "集体企业下岗职工", "laid off from a collective enterprise"),
        ("040", "享受低保的长期失业人员", "long-term unemployed on minimum living allowance"),
        ("050", "大龄就业困难人员", "older person with difficulty finding work"),
        ("060", "残疾人", "disabled person"),
        ("070", "零就业家庭成员", "member of a household without any employed person"),
        ("990", "其他", "other"),
    ),
)

EMPLOYMENT_POLICY: Final = CodeTable(
    "employment support policy",
    "就业扶持政策类型",
    "S1 T30",
    (
        ("010", "公益性岗位补贴", "public-welfare post subsidy"),
        ("020", "社会保险补贴", "social insurance subsidy"),
        ("030", "职业介绍补贴", "job placement subsidy"),
        ("040", "职业培训补贴", "vocational training subsidy"),
        ("050", "职业技能鉴定补贴", "skill assessment subsidy"),
        ("060", "税收优惠政策", "tax relief"),
        ("061", "个体经营税收政策", "tax relief for individual business"),
        ("062", "企业吸纳税收政策", "tax relief for hiring enterprises"),
        ("070", "行政事业性收费减免政策", "administrative fee relief"),
        ("080", "小额担保贷款贴息政策", "small secured loan interest subsidy"),
        ("990", "其他就业扶持政策", "other employment support"),
    ),
)
