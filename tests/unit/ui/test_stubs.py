"""Gradio makes no stubs when the page starts."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT

PRINT_STUBS = """
import sys
sys.addaudithook(lambda event, args: print(args[0]) if event == "open" and str(args[0]).endswith(".pyi") else None)
import {first}
import gradio
print(gradio.Button().get_block_name())
"""


@pytest.mark.parametrize(("first", "made"), [("ui", False), ("sys", True)])
def test_the_page_imports_gradio_without_its_stubs(first: str, made: bool) -> None:
    """Without ui it makes them: the day it does not, ui/stubs.py is in vain."""
    program = [sys.executable, "-c", PRINT_STUBS.format(first=first)]
    printed = subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert printed[-1] == "button"
    assert (len(printed) > 1) == made
