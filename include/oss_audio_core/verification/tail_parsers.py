"""The last page of an Ogg file and the last frame of a FLAC one: the duration and whether the file is complete."""

from __future__ import annotations

import struct

import crcmod

_ogg_crc = crcmod.mkCrcFun(0x104C11DB7, initCrc=0, rev=False)
_flac_header_crc = crcmod.mkCrcFun(0x107, initCrc=0, rev=False)
_flac_frame_crc = crcmod.mkCrcFun(0x18005, initCrc=0, rev=False)

_WHOLE_SEGMENT = 255
_OGG_PAGE = struct.Struct("<4sBBqIIIB")
_FLAC_HEADER_MOST = 16
_FLAC_HEADERS_TRIED = 8


def ogg_end(tail: bytes, longest_packet: int) -> int | None:
    """The granule position of the last page, if a page with a right checksum ends where `tail` does (RFC 3533).

    `longest_packet`: samples of the codec's longest. A position further from the page before than its packets can
    reach is no end.
    """
    at = len(tail)
    while (at := tail.rfind(b"OggS", 0, at)) >= 0:
        if found := _ogg_page(tail[at:]):
            granule, packets = found
            before = _granule_before(tail[:at])
            if before is not None and granule - before > (packets + 1) * longest_packet:
                return None
            return granule
    return None


def _ogg_page(page: bytes) -> tuple[int, int] | None:
    """Granule position and number of packets that end in a page, if it is all of `page` and whole."""
    if len(page) < _OGG_PAGE.size:
        return None
    *_, granule, _serial, _number, declared, segments = _OGG_PAGE.unpack_from(page)
    lacing = page[_OGG_PAGE.size : _OGG_PAGE.size + segments]
    if _OGG_PAGE.size + segments + sum(lacing) != len(page):
        return None
    if _ogg_crc(page[:22] + bytes(4) + page[26:]) != declared:
        return None
    return int(granule), sum(lace < _WHOLE_SEGMENT for lace in lacing)


def _granule_before(pages: bytes) -> int | None:
    """Of the last page of `pages` in which a packet ends; None when its beginning is not there."""
    at = len(pages)
    while (at := pages.rfind(b"OggS", 0, at)) >= 0:
        if (found := _ogg_page(pages[at:])) is None:
            return None
        if found[0] >= 0:
            return found[0]
        pages = pages[:at]
    return None


def flac_end(tail: bytes, block_size: int) -> int | None:
    """The number of samples up to the end of the last frame, if one with right checksums ends where `tail` does.

    `block_size` is that of STREAMINFO: frames of a fixed size are numbered, not the samples (RFC 9639).
    """
    headers = 0
    for sync in (b"\xff\xf8", b"\xff\xf9"):
        at = len(tail)
        while headers < _FLAC_HEADERS_TRIED and (at := tail.rfind(sync, 0, at)) >= 0:
            if found := _flac_header(tail[at : at + _FLAC_HEADER_MOST]):
                headers += 1
                if _flac_frame_crc(tail[at:]) == 0:
                    number, samples = found
                    return (number if tail[at + 1] & 1 else number * block_size) + samples
    return None


def _flac_header(head: bytes) -> tuple[int, int] | None:
    """Frame or sample number, and samples in the frame, of a header whose CRC-8 is right."""
    if len(head) < 6:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 0xF
    extra = 0
    while extra < 7 and head[4] << extra & 0x80:
        extra += 1
    if extra == 1:
        return None
    number = head[4] & (0x7F >> extra)
    follow = max(extra - 1, 0)
    for byte in head[5 : 5 + follow]:
        number = number << 6 | byte & 0x3F
    at = 5 + follow
    if size_code in {6, 7}:
        width = size_code - 5
        samples = int.from_bytes(head[at : at + width], "big") + 1
        at += width
    elif size_code == 1:
        samples = 192
    else:
        samples = 576 << size_code - 2 if 2 <= size_code <= 5 else 1 << size_code
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if not size_code or at >= len(head) or _flac_header_crc(head[: at + 1]) != 0:
        return None
    return number, samples
