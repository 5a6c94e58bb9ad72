import datetime as dt
import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw

from services.face.card_face import CardFace


def draw_portrait(width: int, height: int) -> Image.Image:
    """Nobody: an oval on a plain ground."""
    picture = Image.new("RGB", (width, height), (205, 220, 240))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.05, height * 0.72, width * 0.95, height * 1.4), fill=(60, 70, 95))
    draw.ellipse((width * 0.16, height * 0.14, width * 0.84, height * 0.70), fill=(225, 185, 160))
    return picture


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Makes a portrait: its size, then the file's format and what Pillow's writer takes."""

    def make(width: int = 358, height: int = 441, form: str = "JPEG", **options) -> bytes:
        written = io.BytesIO()
        draw_portrait(width, height).save(written, form, **options)
        return written.getvalue()

    return make


@pytest.fixture(scope="session")
def person(picture) -> Callable[..., CardFace]:
    """Makes the face of an invented person's card, with what is given instead."""

    def make(**given) -> CardFace:
        values = {
            "name": "张三",
            "sex": "男",
            "social_security_number": "990000199001010017",
            "card_number": "D2143569X",
            "issue_date": dt.date(2019, 3, 4),
            "expiry_date": dt.date(2039, 3, 3),
            "photo": picture(),
            "bank_card_number": "6214990000000000017",
            "issuer_name": "示范省人力资源和社会保障厅",
            "phones": ("服务电话：12333", "银行：95588"),
        }
        return CardFace(**{**values, **given})

    return make
