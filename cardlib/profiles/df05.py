"""DF05, life and health (生命与健康信息区), as proposed by the specification [S1 annex B, TB3].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import (
    ABO_BLOOD_GROUP,
    ASTHMA,
    CARDIOVASCULAR_DISEASE,
    COAGULATION_DISORDER,
    DIABETES,
    DIALYSIS,
    DISABILITY_KIND,
    EPILEPSY,
    GLAUCOMA,
    HEALTH_STATUS,
    HEART_DISEASE,
    MENTAL_ILLNESS,
    MISSING_ORGAN,
    ORGAN_TRANSPLANT,
    PACEMAKER,
    PERSONAL_DISABILITY_GRADE,
    REMOVABLE_PROSTHESIS,
    RH_BLOOD_GROUP,
)
from cardlib.model import Directory, FileClass, LinearFile
from cardlib.profiles.declare import padded, personal
from cardlib.rules import rule
from cardlib.schema import an, btlv, cn, coded, date
from cardlib.values import CardDate

HEALTH: Final = LinearFile(
    fid=0xEF05,
    name="health",
    chinese="生命与健康数据文件",
    read=rule("free"),
    update=rule("UK1DF05"),
    file_class=FileClass.INFORMATIVE,
    clause="S1 TB3",
    items=(
        personal(0xA0, "health_status", "健康状况", coded(HEALTH_STATUS, an(1)), ("33", HEALTH_STATUS["3"])),
        personal(0xA1, "disability_category", "残疾类别", coded(DISABILITY_KIND, an(1)), ("34", DISABILITY_KIND["4"])),
        personal(
            0xB9,
            "disability_grade",
            "残疾等级",
            coded(PERSONAL_DISABILITY_GRADE, an(1)),
            ("34", PERSONAL_DISABILITY_GRADE["4"]),
        ),
        # The text itself is the code.
        personal(
            0xA2, "abo_blood_group", "ABO血型代码", coded(ABO_BLOOD_GROUP, an(4)), ("4142D0CD", ABO_BLOOD_GROUP["AB型"])
        ),
        personal(0xA9, "rh_blood_group", "RH血型代码", coded(RH_BLOOD_GROUP, cn(1)), ("02", RH_BLOOD_GROUP["02"])),
        personal(
            0xA3,
            "contraindicated_drugs",
            "禁忌药信息",
            btlv({0xA5: ("name", an(16), "禁忌药"), 0xA6: ("code", an(4), "禁忌药代码")}),
            ("A510C7E0C3B9CBD800000000000000000000A60430313031", {"name": "青霉素", "code": "0101"}),
            repeat=5,
        ),
        personal(
            0xA4,
            "major_diseases",
            "重大疾病信息",
            btlv({0xA7: ("name", an(16), "重大疾病"), 0xA8: ("code", an(3), "重大疾病代码")}),
            ("A710C2FDD0D4C9F6B9A6C4DCCBA5BDDF0000A8034E3138", {"name": "慢性肾功能衰竭", "code": "N18"}),
            repeat=5,
        ),
        personal(0xBA, "allergen_name", "过敏物质名称", an(20), (padded("BBA8B7DBA1A2B3BEF2FD", 20), "花粉、尘螨")),
        personal(
            0xBB,
            "allergic_reaction",
            "过敏反应",
            an(100),
            (padded("C6A4D5EEA1A2BAF4CEFCC0A7C4D1", 100), "皮疹、呼吸困难"),
        ),
        personal(0xAA, "immunisation_name", "免疫接种名称", an(20), (padded("D2D2B8CED2DFC3E7", 20), "乙肝疫苗")),
        personal(0xAB, "immunisation_date", "免疫接种时间", date(), ("20180910", CardDate("20180910"))),
        personal(0xAC, "asthma", "哮喘标志", coded(ASTHMA, an(1)), ("31", ASTHMA["1"])),
        personal(0xAD, "heart_disease", "心脏病标志", coded(HEART_DISEASE, an(1)), ("30", HEART_DISEASE["0"])),
        personal(
            0xAE,
            "cardiovascular_or_cerebrovascular_disease",
            "心脑血管标志",
            coded(CARDIOVASCULAR_DISEASE, an(1)),
            ("30", CARDIOVASCULAR_DISEASE["0"]),
        ),
        personal(0xAF, "epilepsy", "癫痫病标志", coded(EPILEPSY, an(1)), ("30", EPILEPSY["0"])),
        personal(
            0xB0,
            "coagulation_disorder",
            "凝血紊乱标志",
            coded(COAGULATION_DISORDER, an(1)),
            ("30", COAGULATION_DISORDER["0"]),
        ),
        personal(0xB1, "diabetes", "糖尿病标志", coded(DIABETES, an(1)), ("30", DIABETES["0"])),
        personal(0xB2, "glaucoma", "青光眼标志", coded(GLAUCOMA, an(1)), ("30", GLAUCOMA["0"])),
        personal(0xB3, "dialysis", "透析标志", coded(DIALYSIS, an(1)), ("32", DIALYSIS["2"])),
        personal(
            0xB4, "organ_transplant", "器官移植标志", coded(ORGAN_TRANSPLANT, an(1)), ("30", ORGAN_TRANSPLANT["0"])
        ),
        personal(0xB5, "missing_organ", "器官缺失标志", coded(MISSING_ORGAN, an(1)), ("30", MISSING_ORGAN["0"])),
        personal(
            0xB6,
            "removable_prosthesis",
            "可装卸的义肢标志",
            coded(REMOVABLE_PROSTHESIS, an(1)),
            ("30", REMOVABLE_PROSTHESIS["0"]),
        ),
        personal(0xB7, "pacemaker", "心脏起搏器标志", coded(PACEMAKER, an(1)), ("30", PACEMAKER["0"])),
        personal(0xBC, "mental_illness", "精神病标志", coded(MENTAL_ILLNESS, an(1)), ("30", MENTAL_ILLNESS["0"])),
        personal(
            0xB8,
            "other_medical_alert",
            "其他医学警示名称",
            an(40),
            (padded("D6B2C8EBC8CBB9A4F7C5B9D8BDDA", 40), "植入人工髋关节"),
        ),
    ),
)

DF05: Final = Directory(
    name="DF05",
    chinese="生命与健康信息区",
    # Has no AID; its label serves as DF name [S1 annex B; C].
    df_name=bytes.fromhex("C9FAC3FCD3EBBDA1BFB5D0C5CFA2C7F8"),
    fid=0xDF05,
    files=(HEALTH,),
)
