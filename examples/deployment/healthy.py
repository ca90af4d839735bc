"""Exits 0 when the URL answers 200 within five seconds: the images have no curl."""

import sys
from urllib.request import urlopen

with urlopen(sys.argv[1], timeout=5) as answer:
    sys.exit(answer.status != 200)
