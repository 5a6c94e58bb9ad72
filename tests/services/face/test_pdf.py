import re
import zlib

import pytest
from PIL import Image, PdfParser

from services.face.pdf import pdf


@pytest.fixture(scope="module")
def pages() -> list[Image.Image]:
    return [Image.linear_gradient("L").resize((1011, 638)).convert("RGB"), Image.new("RGB", (1011, 638), "red")]


def test_pillow_s_parser_finds_two_pages_of_id_1(pages) -> None:
    parsed = PdfParser.PdfParser(buf=bytearray(pdf(pages, 85.60, 53.98)))
    assert len(parsed.pages) == 2
    box = parsed.read_indirect(parsed.pages_ref)[b"MediaBox"]
    assert [round(edge / 72 * 25.4, 3) for edge in box] == [0, 0, 85.60, 53.98]
    for page in parsed.pages:
        image = parsed.read_indirect(parsed.read_indirect(page)[b"Resources"][b"XObject"][b"Face"])
        assert (image.dictionary[b"Width"], image.dictionary[b"Height"]) == (1011, 638)
        contents = parsed.read_indirect(parsed.read_indirect(page)[b"Contents"])
        width, *_, height, x, y = re.fullmatch(
            rb"q (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) cm /Face Do Q", contents.buf
        ).groups()
        assert [float(each) for each in (x, y, width, height)] == box


def test_the_pictures_are_in_it_to_the_pixel(pages) -> None:
    parsed = PdfParser.PdfParser(buf=bytearray(pdf(pages, 85.60, 53.98)))
    for page, picture in zip(parsed.pages, pages, strict=True):
        image = parsed.read_indirect(parsed.read_indirect(page)[b"Resources"][b"XObject"][b"Face"])
        assert image.dictionary[b"Filter"] == b"FlateDecode"
        assert zlib.decompress(image.buf) == picture.tobytes()


def test_the_table_says_where_each_object_begins(pages) -> None:
    written = pdf(pages, 85.60, 53.98)
    table = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", written)[1])
    entries = re.findall(rb"(\d{10}) 00000 n \n", written[table:])
    assert len(entries) == 8
    for number, entry in enumerate(entries, 1):
        assert written[int(entry) :].startswith(b"%d 0 obj\n" % number)
