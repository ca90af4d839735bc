"""Checksums of records."""

from zlib import adler32, crc32

LIMIT = 1 << 24


def checksum(data: bytes, limit: int = LIMIT) -> int:
    """CRC-32 and Adler-32 of the first `limit` bytes, in one 64-bit number."""
    end = min(len(data), limit)
    counted = memoryview(data)[:end]
    return crc32(counted) << 32 | adler32(counted)


def matches(data: bytes, *expected: int) -> bool:
    """Whether the data has one of the expected checksums."""
    found = checksum(data)
    return any(found == value for value in expected)
