"""A PDF of whole-page pictures, for printers that want one (印制文件).

Pillow writes PDF as well, but compresses with loss, which leaves grey around black letters that the printer then
cannot tell from the photo; it rounds the page to whole pixels, and writes the time of day. Here the same pictures give
the same bytes.
"""

import zlib
from collections.abc import Sequence
from typing import Final

from PIL import Image

_POINTS: Final = 72 / 25.4


def pdf(pages: Sequence[Image.Image], width: float, height: float) -> bytes:
    """One page of ``width`` × ``height`` mm for each RGB picture, which fills it; compressed without loss."""
    size = f"{width * _POINTS:.4f} {height * _POINTS:.4f}"
    first = 3
    kids = " ".join(f"{first + 3 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] /MediaBox [0 0 {size}] >>".encode(),
    ]
    for page in pages:
        contents, image = len(objects) + 2, len(objects) + 3
        objects += [
            (
                f"<< /Type /Page /Parent 2 0 R /Contents {contents} 0 R "
                f"/Resources << /XObject << /Face {image} 0 R >> >> >>"
            ).encode(),
            _stream("", f"q {size.replace(' ', ' 0 0 ')} 0 0 cm /Face Do Q".encode()),
            _stream(
                f"/Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} "
                "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode ",
                zlib.compress(page.convert("RGB").tobytes(), 9),
            ),
        ]
    return _file(objects)


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries}/Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    """Header, objects numbered from 1, the table of where they begin, and where that is."""
    # The four bytes above 7F tell programs that move files that this one is binary.
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    starts = []
    for number, each in enumerate(objects, 1):
        starts.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % start for start in starts)
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(written)
