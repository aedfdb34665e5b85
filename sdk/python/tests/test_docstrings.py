"""Descriptions come from docstrings in any of the three usual styles."""

import pytest

from altar_grid import docstrings

GOOGLE = """Adds two numbers,
    slowly.

    More about it.

    Args:
        first: One number,
            over two lines.
        second (int, optional): The other: not 0.
        *rest: Ignored here.

    Returns:
        int: not a parameter.
    """

NUMPY = """
    Adds two numbers,
    slowly.

    Parameters
    ----------
    first : int
        One number,
        over two lines.
    second : int, optional
        The other: not 0.

    Returns
    -------
    total : int
        Not a parameter.
    """

SPHINX = """Adds two numbers,
    slowly.

    :param first: One number,
        over two lines.
    :param int second: The other: not 0.
    :type first: int
    :returns: Not a parameter.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_each_style_gives_summary_and_parameters(text: str) -> None:
    docs = docstrings.parse(text)
    assert docs.summary == "Adds two numbers, slowly."
    assert docs.parameters["first"] == "One number, over two lines."
    assert docs.parameters["second"] == "The other: not 0."
    assert set(docs.parameters) <= {"first", "second", "rest"}


def test_nothing_is_made_of_nothing() -> None:
    assert docstrings.parse(None) == docstrings.Docs()
    assert docstrings.parse("   ") == docstrings.Docs()


def test_a_docstring_that_begins_with_a_section_has_no_summary() -> None:
    assert docstrings.parse("Args:\n    a: One.").summary == ""
    assert docstrings.parse("Parameters\n----------\na\n    One.").summary == ""
    assert docstrings.parse(":param a: One.").summary == ""
