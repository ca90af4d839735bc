"""Every edit the catalogue proposes for real code compiles, and what is run of it behaves as before."""

import importlib
import random
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.evolution.edits.apply import applicable, apply_genome
from dean_airflow.evolution.edits.catalogue.source import CatalogueSource
from dean_airflow.evolution.edits.module import Module
from dean_airflow.evolution.edits.source import Site

MODULES = """
    argparse ast base64 bisect calendar cmd codecs collections colorsys configparser contextlib copy csv dataclasses
    difflib dis enum fnmatch fractions functools gettext glob gzip heapq html.parser imaplib inspect ipaddress
    json.decoder json.encoder locale mimetypes optparse os pathlib pickle posixpath pprint quopri random reprlib sched
    shlex shutil statistics string tarfile textwrap tokenize traceback typing urllib.parse uuid zipfile
"""
MOST_FUNCTIONS = 12
SOURCE = CatalogueSource()


def text_of(name: str) -> tuple[str, str]:
    origin = importlib.import_module(name).__file__
    assert origin is not None
    return Path(origin).name, Path(origin).read_bytes().decode()


@pytest.mark.parametrize("name", MODULES.split())
def test_every_edit_compiles_and_touches_its_function_only(name: str) -> None:
    path, text = text_of(name)
    tree = {path: text}
    functions = sorted(Module.of(text).definitions)
    for function in random.Random(name).sample(functions, min(MOST_FUNCTIONS, len(functions))):
        definition = Module.of(text).definitions[function][0]
        for edit in SOURCE.enumerate(Site(path, function, 1.0), tree):
            new = apply_genome((edit,), tree, [SOURCE])[path]
            assert new != text, edit
            compile(new, path, "exec", dont_inherit=True)
            assert new.endswith(text[max(d.end for d in Module.of(text).definitions[function]) :]), edit
            assert new.startswith(text[: definition.top]), edit


def with_everything(name: str) -> types.ModuleType:
    """A module of the standard library with every bundle the catalogue has for it, loaded under another name."""
    path, text = text_of(name)
    tree = {path: text}
    genome = tuple(
        edit
        for function in Module.of(text).definitions
        for edit in SOURCE.enumerate(Site(path, function, 1.0), tree)
        if edit.site == "*"
    )
    new = apply_genome(applicable(genome, tree, [SOURCE]), tree, [SOURCE])[path]
    module = types.ModuleType(name)
    module.__dict__["__file__"] = path
    exec(compile(new, path, "exec", dont_inherit=True), module.__dict__)
    return module


TEXT = "It was the best of times, it was the worst of times,\n\n  it was the age of wisdom ... "


def texts(rng: random.Random) -> str:
    return " ".join(rng.choices(TEXT.split(" "), k=rng.randint(0, 25)))


def use_textwrap(module: types.ModuleType, rng: random.Random) -> object:
    text = texts(rng)
    width = rng.randint(1, 40)
    return (
        module.wrap(text, width),
        module.fill(text, width, max_lines=3),
        module.dedent(text),
        module.indent(text, "> "),
    )


def use_difflib(module: types.ModuleType, rng: random.Random) -> object:
    first, second = texts(rng).split(" "), texts(rng).split(" ")
    matcher = module.SequenceMatcher(None, first, second)
    return (
        matcher.get_opcodes(),
        matcher.ratio(),
        list(module.ndiff(first, second)),
        list(module.unified_diff(first, second, lineterm="")),
        module.get_close_matches(first[0], second),
    )


def use_statistics(module: types.ModuleType, rng: random.Random) -> object:
    data = [rng.choice((rng.randint(-5, 5), rng.uniform(-5, 5))) for _ in range(rng.randint(3, 12))]
    return module.mean(data), module.median(data), module.stdev(data), module.quantiles(data), module.multimode(data)


def use_shlex(module: types.ModuleType, rng: random.Random) -> object:
    text = texts(rng) + ' \'a b\' "c\\"d" #e'
    return module.split(text), module.split(text, comments=True), module.join(text.split()), module.quote(text)


def use_posixpath(module: types.ModuleType, rng: random.Random) -> object:
    parts = ["/".join(rng.choices(["a", "..", ".", "b", "", "~x"], k=rng.randint(1, 6))) for _ in range(3)]
    return [
        [module.normpath(part), module.join(*parts), module.split(part), module.splitext(part), module.isabs(part)]
        for part in parts
    ], module.commonprefix(parts)


def use_colorsys(module: types.ModuleType, rng: random.Random) -> object:
    red, green, blue = rng.random(), rng.random(), rng.random()
    return (
        module.rgb_to_hls(red, green, blue),
        module.rgb_to_hsv(red, green, blue),
        module.hls_to_rgb(red, green, blue),
        module.rgb_to_yiq(red, green, blue),
    )


def use_urllib_parse(module: types.ModuleType, rng: random.Random) -> object:
    query = {texts(rng): texts(rng), "ü": ["1", "2"]}
    url = "http://x:80/a/b;c?" + module.urlencode(query, doseq=True) + "#f"
    return (
        url,
        tuple(module.urlparse(url)),
        module.parse_qs(url.split("?")[1]),
        module.unquote(url),
        module.urljoin(url, "../d"),
    )


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("textwrap", use_textwrap),
        ("difflib", use_difflib),
        ("statistics", use_statistics),
        ("shlex", use_shlex),
        ("posixpath", use_posixpath),
        ("colorsys", use_colorsys),
        ("urllib.parse", use_urllib_parse),
    ],
)
def test_a_module_with_every_edit_gives_what_it_gave(
    name: str, use: Callable[[types.ModuleType, random.Random], object]
) -> None:
    original, changed = importlib.import_module(name), with_everything(name)
    for seed in range(30):
        assert repr(outcome(use, changed, seed)) == repr(outcome(use, original, seed))


def outcome(use: Callable[[types.ModuleType, random.Random], object], module: types.ModuleType, seed: int) -> object:
    try:
        return use(module, random.Random(seed))
    except Exception as error:
        return type(error).__name__, str(error)
