"""Is requirements.lock of setup.cfg's requirements? Exit 1 and one sentence if not; `--stamp` marks it so.

Works offline: the lock's first line holds a digest of the requirements it was compiled from.
"""

import configparser
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PREFIX = "# Compiled by `make lock` from the requirements of setup.cfg with digest "


def requirements_digest() -> str:
    """SHA-256 of every requirement of setup.cfg, extras included, comments and order left out."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    blocks = [("python", config["options"]["python_requires"]), ("", config["options"]["install_requires"])]
    blocks += list(config["options.extras_require"].items())
    lines = [f"{extra}:{line}" for extra, block in blocks for line in block.split("\n") if line.strip()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def main() -> None:
    stamp = PREFIX + requirements_digest()
    first, _, rest = LOCK.read_text(encoding="utf-8").partition("\n")
    if "--stamp" in sys.argv:
        body = rest if first.startswith(PREFIX) else f"{first}\n{rest}"
        LOCK.write_text(f"{stamp}\n{body}", encoding="utf-8")
    elif first != stamp:
        sys.exit("requirements.lock is not of setup.cfg's requirements: run `make lock`.")


if __name__ == "__main__":
    main()
