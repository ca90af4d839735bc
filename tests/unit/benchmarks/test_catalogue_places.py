"""Each kind of the catalogue is tried once, with an input that exists."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from benchmarks._catalogue_places import INPUTS, LIBRARIES, PLACES
from dean_airflow.evolution.edits.catalogue.registry import CATALOGUE
from dean_airflow.evolution.edits.edit import Edit


def test_every_kind_is_tried_exactly_once():
    assert Counter(place.kind for place in PLACES) == Counter(list(CATALOGUE))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.kind)
def test_a_place_names_an_edit_and_an_input_of_its_library(place):
    edit = Edit.parse(place.edit)
    assert (edit.source, edit.kind) == ("catalogue", place.kind)
    inputs = ast.parse((INPUTS / f"{LIBRARIES[place.library].name}.py").read_text()).body
    assert place.use in {node.name for node in inputs if isinstance(node, ast.FunctionDef)}
