"""Code tables about medical insurance (医疗保险) [S1 §8]."""

from typing import Final

from cardlib.codes.table import CodeTable, yes_no

MEDICAL_INSURANCE_KIND: Final = CodeTable(
    "kind of medical insurance",
    "医疗保险险种类型",
    "S1 T42",
    (
        ("310", "职工基本医疗保险", "employees' basic medical insurance"),
        ("340", "离休人员医疗保障", "medical care for retired veteran cadres"),
        ("360", "老红军医疗保障", "medical care for Red Army veterans"),
        ("380", "新型农村合作医疗", "new rural cooperative medical scheme"),
        ("390", "城乡居民基本医疗保险", "urban and rural residents' basic medical insurance"),
        ("391", "城镇居民基本医疗保险", "urban residents' basic medical insurance"),
    ),
)

TREATMENT_ELSEWHERE: Final = yes_no(
    "treatment elsewhere approved", "异地就医审批标识", "S1 T43", "treatment elsewhere approved"
)

OUTPATIENT_POOLING: Final = yes_no(
    "in the pooled outpatient scheme", "门诊统筹标识", "S1 T44", "in pooled outpatient scheme"
)

OUTPATIENT_MAJOR_DISEASE: Final = yes_no(
    "outpatient major disease", "门诊大病标识", "S1 T45", "outpatient major disease"
)

MEDICAL_ASSISTANCE: Final = yes_no(
    "entitled to medical assistance", "医疗救助对象标识", "S1 T46", "entitled to medical assistance"
)

MEDICAL_SUBSIDY: Final = yes_no(
    "entitled to the special-care medical subsidy",
    "优抚对象医疗补助标识",
    "S1 T47",
    "entitled to special-care medical subsidy",
)

INSURED_CATEGORY: Final = CodeTable(
    "category of the insured person",
    "医疗保险参保人员类别",
    "S1 T48",
    (
        ("11", "在职", "employed"),
        ("21", "退休", "retired"),
        ("22", "退休易地安置", "retired, resettled elsewhere"),
        ("31", "离休", "retired veteran cadre"),
        ("32", "老红军", "Red Army veteran"),
        ("33", "二等乙级以上革命伤残军人", "disabled serviceman, class 2-B or above"),
        ("34", "医疗照顾人员", "entitled to special medical care"),
        ("91", "其他人员", "other"),
    ),
)

CARD_USE: Final = CodeTable(
    "use of the card for medical insurance",
    "医疗保险用卡方式",
    "S1 T49",
    (
        ("1", "联网处理方式", "on-line"),
        ("2", "脱网处理方式", "off-line"),
    ),
)

OFFLINE_SETTLEMENT_ALLOWED: Final = yes_no("off-line settlement allowed", "准许脱网医保结算标识", "S1 T50")

TRANSACTION_KIND: Final = CodeTable(
    "kind of medical transaction",
    "交易类型",
    "S1 T51",
    (
        ("1", "账户划入", "load"),
        ("2", "医疗结算", "medical settlement"),
    ),
)

SETTLEMENT_KIND: Final = CodeTable(
    "kind of special settlement",
    "结算类别",
    "S1 T52",
    (
        ("1", "工伤医疗", "work-injury treatment"),
        ("2", "生育医疗", "maternity treatment"),
        ("3", "医疗救助", "medical assistance"),
        ("9", "其他", "other"),
    ),
)
