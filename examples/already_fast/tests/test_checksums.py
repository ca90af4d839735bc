import pytest
from checksums import checksum, matches


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 1), (b"a", 0xE8B7BE43_00620062), (b"DEAN", 0x3B654D8E_02B30119)],
)
def test_checksum(data, value):
    assert checksum(data) == value


def test_only_the_first_bytes_count():
    assert checksum(b"DEAN on Airflow", 4) == checksum(b"DEAN")
    assert checksum(b"DEAN", 0) == 1


def test_matches():
    assert matches(b"a", 7, 0xE8B7BE43_00620062)
    assert not matches(b"a", 7)
    assert not matches(b"a")
