"""What is derived from the repository's sources is what the sources say today."""

import filecmp
import os
import pathlib
import subprocess
import sys

import altar_grid
from altar_grid import errors

HERE = pathlib.Path(__file__).parent.parent
PACKAGE = pathlib.Path(altar_grid.__file__).parent


def generated(folder: pathlib.Path) -> set[str]:
    found = {str(path.relative_to(folder)) for path in (folder / "_wire" / "grid").rglob("*.py*")}
    return {path for path in found if "__pycache__" not in path} | {"_codes.py"}


def test_stubs_and_codes_are_up_to_date(tmp_path: pathlib.Path) -> None:
    subprocess.run(
        [str(HERE / "generate.sh"), str(tmp_path)],
        env={**os.environ, "VIRTUAL_ENV_PYTHON": sys.executable},
        check=True,
    )
    ours, fresh = generated(PACKAGE), generated(tmp_path)
    assert ours == fresh
    differing = filecmp.cmpfiles(PACKAGE, tmp_path, sorted(ours), shallow=False)
    assert (differing[1], differing[2]) == ([], []), "run sdk/python/generate.sh"


def test_every_page_has_a_class_of_its_code_and_category() -> None:
    pages = sorted(path.stem for path in (HERE.parent.parent / "docs" / "errors").glob("[A-Z]*_*.md"))
    assert len(pages) >= 35
    for code in pages:
        kind = errors.BY_CODE[code]
        assert kind.code == code
        assert issubclass(kind, getattr(errors, f"{category(kind)}Error"))
        assert kind.usual_remediation
        assert getattr(errors, kind.__name__) is kind


def category(kind: type[errors.GridError]) -> str:
    name = kind.category.value.capitalize()
    return "ToolRuntime" if name == "Runtime" else name
