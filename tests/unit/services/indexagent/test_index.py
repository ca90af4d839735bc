"""The index of code: what it holds, what is found in it, and that it keeps up with a repository."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from dean_airflow.config import Settings
from dean_airflow.errors import TargetError
from dean_airflow.services.indexagent.index.code_index import CodeIndex
from dean_airflow.services.indexagent.index.searching import Hit, Wanted
from dean_airflow.services.indexagent.index.symbols import Symbol, symbols_of
from dean_airflow.store.store import Store
from tests.unit.evolution.repositories import Repository


def find(index: CodeIndex, query: str, **filters: object) -> list[Hit]:
    hits, total = index.search(Wanted(tuple(query.split()), **filters), 10)  # type: ignore[arg-type]
    assert total == len(hits)
    return hits


def places(hits: list[Hit]) -> list[tuple[str, int]]:
    return [(hit.path, hit.line) for hit in hits]


def test_a_definition_comes_first_then_mentions(index: CodeIndex, repository: Repository) -> None:
    done = index.index(str(repository.path))

    hits = find(index, "cart")

    assert (done.read, done.removed, done.total) == (6, 0, 6)
    assert places(hits)[0] == ("shop/cart.py", 1)
    assert hits[0].score == 1.0
    assert {hit.path for hit in hits} == {"shop/cart.py", "shop/report.py", "web/app.js", "README.md", "latin.txt"}
    assert all(0 < hit.score <= 1 for hit in hits)
    assert hits[0].repository == str(repository.path)


def test_names_are_found_by_their_beginning_in_several_languages(index: CodeIndex, repository: Repository) -> None:
    index.index(str(repository.path))

    assert places(find(index, "add_a")) == [("shop/cart.py", 6)]
    assert places(find(index, "addtocart")) == [("web/app.js", 1)]
    assert find(index, "add_all")[0].context.splitlines()[-2:] == ["def add_all(cart, items):", "    pass"]


@pytest.mark.parametrize(
    "query", ["5%", "%", "f_a", "off_all", '"', "'", "cart OR x", "a*", "NEAR(a b)", "\\", "Cart)", ":x"]
)
def test_no_character_means_anything_special(index: CodeIndex, repository: Repository, query: str) -> None:
    index.index(str(repository.path))
    everything = {path: content for path, content in contents(repository).items() if "\0" not in content}

    found = {hit.path for hit in find(index, query)}

    words = [word.lower() for word in query.split()]
    assert found == {path for path, content in everything.items() if all(word in content.lower() for word in words)}


def contents(repository: Repository) -> dict[str, str]:
    files = [path for path in repository.path.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {
        path.relative_to(repository.path).as_posix(): path.read_bytes().decode("utf-8", "replace") for path in files
    }


def test_filters(index: CodeIndex, repository: Repository) -> None:
    index.index(str(repository.path))

    assert {hit.path for hit in find(index, "cart", suffixes=(".py",))} == {"shop/cart.py", "shop/report.py"}
    assert {hit.path for hit in find(index, "cart", language="javascript")} == {"web/app.js"}
    assert find(index, "cart", repositories=("another",)) == []
    assert places(index.search(Wanted(("cart",)), 10, min_score=0.9)[0]) == [("shop/cart.py", 1)]


def test_only_what_changed_is_read_again(index: CodeIndex, repository: Repository) -> None:
    index.index(str(repository.path))
    repository.git("rm", "--quiet", "web/app.js")
    repository.commit({"shop/report.py": "def total(basket):\n    return 0\n", "shop/new.py": "Basket = 1\n"})

    done = index.index(str(repository.path))

    assert (done.read, done.removed, done.total) == (2, 1, 6)
    assert {hit.path for hit in find(index, "basket")} == {"shop/report.py", "shop/new.py"}
    assert find(index, "addToCart") == []
    assert index.index(str(repository.path)).read == 0


def test_what_is_not_tracked_is_not_indexed(index: CodeIndex, repository: Repository) -> None:
    (repository.path / "secret.py").write_text("untracked_secret = 1\n")
    (repository.path / "link.py").symlink_to("/etc/passwd")
    repository.git("add", "link.py")
    repository.commit({"big.py": "x = 'generated'\n" * 40_000})
    repository.git("rm", "--quiet", "--cached", "secret.py")
    repository.git("commit", "--quiet", "--message", "untracked")
    index.index(str(repository.path))

    assert find(index, "untracked_secret") == []
    assert find(index, "root:") == []
    assert find(index, "generated") == []


def test_a_repository_that_cannot_be_indexed_says_so(index: CodeIndex, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="There is no repository at"):
        index.index(str(tmp_path / "absent"))

    extent = index.extent()
    assert (extent.repositories, extent.files) == (0, 0)
    assert list(extent.failed) == [str(tmp_path / "absent")]


def test_one_broken_repository_does_not_keep_the_others(
    index: CodeIndex, repository: Repository, tmp_path: Path
) -> None:
    failed = index.index_all([str(tmp_path / "absent"), str(repository.path)])

    assert list(failed) == [str(tmp_path / "absent")]
    assert index.extent().files == 6


def test_hooks_and_filters_of_a_repository_do_not_run(index: CodeIndex, repository: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    repository.git("config", "filter.evil.smudge", f"touch {mark}")
    repository.git("config", "core.fsmonitor", f"touch {mark}")
    repository.commit({".gitattributes": "* filter=evil\n"})
    mark.unlink(missing_ok=True)

    index.index(str(repository.path))

    assert not mark.exists()


def test_an_index_of_another_version_is_made_anew(
    settings: Settings, store: Store, index: CodeIndex, repository: Repository
) -> None:
    index.index(str(repository.path))
    index.database.write(lambda session: session.execute(text("UPDATE dean_index_state SET version = '0'")))

    again = CodeIndex(settings, store)

    assert again.extent().files == 0
    assert again.index(str(repository.path)).read == 6
    assert find(again, "cart")
    again.close()


def test_the_index_is_not_among_the_stores_tables(settings: Settings, store: Store, index: CodeIndex) -> None:
    """Opening the store again finds nothing that its migrations do not know."""
    Store.open(settings.store).close()

    assert index.extent().files == 0


def test_searching_goes_on_while_indexing(index: CodeIndex, repository: Repository) -> None:
    import threading

    repository.commit({f"many/m{number}.py": f"needle_{number} = {number}\n" for number in range(1500)})
    worker = threading.Thread(target=index.index, args=(str(repository.path),))
    worker.start()
    counts = []
    deadline = time.monotonic() + 60
    while worker.is_alive() and time.monotonic() < deadline:
        counts.append(index.search(Wanted(("needle",)), 1)[1])
    worker.join()

    assert counts == sorted(counts)
    assert index.search(Wanted(("needle",)), 1)[1] == 1500


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (
            "def one():\n    pass\nclass Two(Base):\n    async def three(self): ...\n",
            [("one", "function", 1), ("Two", "class", 3), ("three", "function", 4)],
        ),
        ("func (r *Repo) Open(path string) error {\n", [("Open", "function", 1)]),
        ("pub(crate) fn read<T>(x: T) {}\npub struct Point;\n", [("read", "function", 1), ("Point", "struct", 2)]),
        ("  public static final class Inner {\n", [("Inner", "class", 1)]),
        ("x = 1  # def not_this\n'def nor_this'\n", []),
        ("", []),
    ],
)  # fmt: skip
def test_symbols(source: str, found: list[tuple[str, str, int]]) -> None:
    assert symbols_of(source) == [Symbol(*one) for one in found]
