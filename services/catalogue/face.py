"""A card's face cannot be printed."""

from typing import Final

from services.catalogue.refusal import Code, Refusal
from services.face import errors

FACE: Final[dict[type[Exception], Refusal]] = {
    errors.FaceError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_FACE",
        "The card's face cannot be printed.",
        "无法生成卡面。",
        "See the message.",
        "请查看错误信息。",
    ),
    errors.FaceDataError: Refusal(
        Code.INVALID_ARGUMENT,
        "CARD_FACE_DATA",
        "A value for the card's face is missing or cannot be printed.",
        "卡面数据缺失或无法印制。",
        "Correct the item that is named, or take it off the template's list.",
        "请更正所列数据项，或从模板的印制项中去除。",
    ),
    errors.GlyphMissingError: Refusal(
        Code.FAILED_PRECONDITION,
        "GLYPH_MISSING",
        "No font has a character that is to be printed; nothing is printed in its place.",
        "所有字体均缺少待印字符，已拒绝印制。",
        "Check the character with the holder; then install a font that has it, and name the font in the template.",
        "请先与持卡人核对该字，再安装含该码位的字体并写入模板。",
    ),
    errors.TextTooLongError: Refusal(
        Code.FAILED_PRECONDITION,
        "FACE_TEXT_TOO_LONG",
        "A text does not fit its place on the card at the smallest size allowed.",
        "文字在允许的最小字号下仍超出卡面区域。",
        "Agree on a shorter form, or give the template a larger area or a smaller least size.",
        "请商定缩写形式，或在模板中扩大区域、减小最小字号。",
    ),
    errors.TemplateError: Refusal(
        Code.FAILED_PRECONDITION,
        "FACE_TEMPLATE",
        "The template of the card's face has mistakes.",
        "卡面模板有误。",
        "The operator corrects what is listed.",
        "请管理员按所列内容更正模板。",
    ),
    errors.FontUnavailableError: Refusal(
        Code.FAILED_PRECONDITION,
        "FONT_UNAVAILABLE",
        "A font of the card's face is not installed.",
        "卡面字体未安装。",
        "The operator installs it, or names another file in the template.",
        "请管理员安装该字体，或在模板中指定其他字体文件。",
    ),
    errors.AssetsMissingError: Refusal(
        Code.FAILED_PRECONDITION,
        "FACE_ASSETS_MISSING",
        "Marks of the card's face are missing; production output is refused without them.",
        "缺少卡面标识素材，拒绝正式印制。",
        "The operator supplies the files that are listed and names them in the template.",
        "请管理员提供所列素材文件并写入模板。",
    ),
    errors.AssetUnreadableError: Refusal(
        Code.FAILED_PRECONDITION,
        "FACE_ASSET_UNREADABLE",
        "The file of a mark of the card's face is no picture.",
        "卡面标识素材文件无法读取。",
        "The operator replaces the file by a PNG picture.",
        "请管理员以PNG图片替换该文件。",
    ),
    errors.PhotoError: Refusal(
        Code.INVALID_ARGUMENT,
        "PHOTO",
        "The photo cannot be used.",
        "照片不可用。",
        "Supply another one.",
        "请重新提供照片。",
    ),
    errors.PhotoUnreadableError: Refusal(
        Code.INVALID_ARGUMENT,
        "PHOTO_UNREADABLE",
        "The photo is not a whole JPEG, PNG or BMP picture.",
        "照片不是完整的JPEG、PNG或BMP图片。",
        "Transfer it again, or take another one.",
        "请重新传输或重新采集照片。",
    ),
    errors.PhotoSizeError: Refusal(
        Code.INVALID_ARGUMENT,
        "PHOTO_SIZE",
        "The photo has the wrong size or shape.",
        "照片尺寸或宽高比不符合要求。",
        "Supply 26 by 32 mm at 300 dpi or more, such as 358 by 441 pixels.",
        "请提供26×32毫米、300dpi以上的照片，例如358×441像素。",
    ),
    errors.PhotoTooDetailedError: Refusal(
        Code.INVALID_ARGUMENT,
        "PHOTO_TOO_DETAILED",
        "The photo cannot be made small enough for the card.",
        "照片无法压缩到卡内文件容量以内。",
        "Supply one with a plain background and without noise.",
        "请提供背景单一、无噪点的照片。",
    ),
}
