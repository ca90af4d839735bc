import pytest
from checksums import checksum


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 1), (b"a", 0xE8B7BE43_00620062), (b"DEAN", 0x3B654D8E_02B30119)],
)
def test_checksum(data, value):
    assert checksum(data) == value
