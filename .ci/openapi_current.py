"""Are the descriptions of the contracts in docs/reference/openapi those of the code? `--write` makes them so."""

import json
import sys
from pathlib import Path

from pydantic import TypeAdapter

from dean_airflow.services.contract.websocket import Frame
from dean_airflow.services.evolution.standalone import evolution_document
from dean_airflow.services.indexagent.standalone import indexagent_document

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "openapi"
DOCUMENTS = {
    "evolution.json": evolution_document,
    "indexagent.json": indexagent_document,
    "evolution-frames.json": lambda: TypeAdapter(Frame).json_schema(mode="serialization"),
}


def main() -> None:
    stale = []
    for name, document in DOCUMENTS.items():
        path = FOLDER / name
        text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
        if "--write" in sys.argv:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.exit(f"{', '.join(stale)} of docs/reference/openapi: run `python .ci/openapi_current.py --write`.")


if __name__ == "__main__":
    main()
