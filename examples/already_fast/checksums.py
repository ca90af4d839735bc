"""Checksums of records."""

from zlib import adler32, crc32


def checksum(data: bytes) -> int:
    """CRC-32 and Adler-32 of the data in one 64-bit number."""
    return crc32(data) << 32 | adler32(data)
