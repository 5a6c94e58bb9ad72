"""Code tables about life and health (生命与健康) [S1 annex B]."""

from typing import Final

from cardlib.codes.table import CodeTable, flag

HEALTH_STATUS: Final = CodeTable(
    "state of health",
    "健康状况",
    "S1 TB9",
    (
        ("1", "健康或良好", "healthy or good"),
        ("2", "一般或较弱", "average or weak"),
        ("3", "有慢性病", "chronic disease"),
        ("4", "残疾", "disabled"),
    ),
)

DISABILITY_KIND: Final = CodeTable(
    "kind of disability",
    "残疾类别",
    "S1 TB10",
    (
        ("1", "视力残疾", "visual"),
        ("2", "听力残疾", "hearing"),
        ("3", "言语残疾", "speech"),
        ("4", "肢体残疾", "physical"),
        ("5", "智力残疾", "intellectual"),
        ("6", "精神残疾", "mental"),
        ("7", "多重残疾", "multiple"),
        ("9", "其他残疾", "other"),
    ),
)

PERSONAL_DISABILITY_GRADE: Final = CodeTable(
    "grade of personal disability",
    "残疾等级",
    "S1 TB11",
    (
        ("1", "残疾一级", "disability grade 1"),
        ("2", "残疾二级", "disability grade 2"),
        ("3", "残疾三级", "disability grade 3"),
        ("4", "残疾四级", "disability grade 4"),
    ),
)

ABO_BLOOD_GROUP: Final = CodeTable(
    "ABO blood group",
    "ABO血型代码",
    "S1 B4.1.1.4",
    (
        ("A型", "A型", "blood group A (the text itself is stored)"),
        ("B型", "B型", "blood group B"),
        ("AB型", "AB型", "blood group AB"),
        ("O型", "O型", "blood group O"),
        ("其他", "其他", "other"),
    ),
)

RH_BLOOD_GROUP: Final = CodeTable(
    "Rh blood group",
    "RH血型代码",
    "S1 TB12",
    (
        ("01", "Rh阴性", "Rh negative"),
        ("02", "Rh阳性", "Rh positive"),
        ("03", "不详", "unknown"),
    ),
)

ASTHMA: Final = flag("asthma", "哮喘标志", "S1 TB13")

HEART_DISEASE: Final = flag("heart disease", "心脏病标志", "S1 TB14")

CARDIOVASCULAR_DISEASE: Final = flag("cardio- or cerebrovascular disease", "心脑血管标志", "S1 TB15")

EPILEPSY: Final = flag("epilepsy", "癫痫病标志", "S1 TB16")

COAGULATION_DISORDER: Final = flag("coagulation disorder", "凝血紊乱标志", "S1 TB17")

DIABETES: Final = flag("diabetes", "糖尿病标志", "S1 TB18")

GLAUCOMA: Final = flag("glaucoma", "青光眼标志", "S1 TB19")

DIALYSIS: Final = flag("dialysis", "透析标志", "S1 TB20")

ORGAN_TRANSPLANT: Final = flag("organ transplant", "器官移植标志", "S1 TB21")

MISSING_ORGAN: Final = flag("missing organ", "器官缺失标志", "S1 TB22")

REMOVABLE_PROSTHESIS: Final = flag("removable prosthesis", "可装卸的义肢标志", "S1 TB23")

PACEMAKER: Final = flag("pacemaker", "心脏起搏器标志", "S1 TB24")

MENTAL_ILLNESS: Final = flag("mental illness", "精神病标志", "S1 TB25")
