"""Keeps Gradio from its stubs for editors, which it makes at each import: half of the page's start.

`create_or_modify_pyi` parses the source of each component and writes a .pyi beside it; nothing switches that off
(gradio-app/gradio issue 7791). A service does not write into its own code either.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType

MAKES_STUBS = "gradio.component_meta"


class _StublessLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        vars(module)["create_or_modify_pyi"] = lambda *_: None


class _StublessFinder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == MAKES_STUBS else None
        if spec is None or spec.origin is None:
            return None
        return spec_from_file_location(name, loader=_StublessLoader(name, spec.origin))


def leave_out_stubs() -> None:
    """Have no stubs made by an import of Gradio from now on."""
    sys.meta_path.insert(0, _StublessFinder)
