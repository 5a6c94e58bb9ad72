"""The printed card face (卡面): pictures and a PDF of both sides for the card printer [S2.1].

The standard calls the side with emblem and lettering the front (正面) and the personal side the back (背面); in
everyday speech, and to callers here who say "card face", the personal side is what it is about. Both are rendered, and
keep the standard's names. :mod:`services.face.render` is the way in; it and everything that draws need the extra
``[face]`` (Pillow, fontTools), which is why nothing is imported here.
"""
