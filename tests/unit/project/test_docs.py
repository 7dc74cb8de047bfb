"""The documents agree with the code."""

import ast
import re
from pathlib import Path

from services.common.settings import project_root
from stack.settings_table import HEADINGS, PLAIN, env_example, markdown, variables

ROOT = project_root()
FOLDERS = (".github", "docs", "onnx")


def test_the_documents_of_the_settings_are_up_to_date() -> None:
    """`python -m stack.settings_table` writes them; it was run after the last change."""
    assert (ROOT / "docs/settings.md").read_text() == markdown()
    assert (ROOT / ".env.example").read_text() == env_example()


def test_the_readmes_name_variables_that_exist() -> None:
    """In both languages."""
    known = {variable.name for classes in HEADINGS.values() for settings in classes for variable in variables(settings)}
    for readme in ("README.md", "README.ru.md"):
        table = re.findall(r"^\| (`.*?`) \|", (ROOT / readme).read_text(), re.MULTILINE)
        named = {name for cell in table for name in re.findall(r"`([A-Z][A-Z0-9_…]+)`", cell)}
        assert named
        assert named <= known | set(PLAIN), readme


def test_the_readmes_have_the_same_commands() -> None:
    """The Russian one is not outdated."""
    blocks = [
        re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), re.DOTALL) for name in ("README.md", "README.ru.md")
    ]

    assert len(blocks[0]) >= 4
    assert blocks[0] == blocks[1]


def test_links_lead_somewhere() -> None:
    """Every relative link of the documents is a file of the repository, what follows its # a heading of that file."""
    documents = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    for document in documents:
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", document.read_text()):
            linked = document.parent / target if target else document
            assert linked.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors(linked.read_text()), f"{document.name}: {target}#{anchor}"


def anchors(markdown_text: str) -> set[str]:
    """Return what GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", markdown_text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_commands_of_the_documents_exist() -> None:
    """Targets of make, services of compose, and Python modules."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    services = set(re.findall(r"^  ([a-z]+):$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    code = [
        text
        for document in documents
        for found in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", document.read_text(), re.DOTALL)
        for text in found
    ]
    typed = "\n".join(code)

    made = set(re.findall(r"(?:^|[^\w/-])make ([a-z-]+)", typed))
    assert {"up", "dlq", "restore", "faults"} <= made <= targets
    run = set(re.findall(r"compose (?:run --rm|stop|start|restart|logs|exec -T) ([a-z]+)", typed))
    assert {"dlq", "scorer", "topics"} <= run <= services
    for module in set(re.findall(r"python -m ((?:services|stack|tests|db)[\w.]*)", typed)):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_the_architecture_names_what_exists() -> None:
    """Each `path` in it is in the repository, each `path: name, name` is defined in that file."""
    written = (ROOT / "docs/architecture.md").read_text()
    named = re.findall(r"`((?:services|ui|db|stack|onnx|monitoring|tests|deploy)/[\w./-]+)(?:: ([\w., ]+))?`", written)
    assert len(named) > 40
    for path, names in named:
        assert (ROOT / path).exists(), path
        defined = definitions(ROOT / path) if names else set()
        assert set(filter(None, names.split(", "))) <= defined, f"{path}: {names}"


def definitions(path: Path) -> set[str]:
    """Return the names of a module's functions and classes, and `Class.method` of their methods."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    outer = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    inner = {f"{node.name}.{child.name}" for node in outer for child in node.body if isinstance(child, kinds)}
    return {node.name for node in outer} | inner


def test_the_index_of_decisions_is_complete() -> None:
    """Each record has its line, with its number, title, date and status."""
    folder = ROOT / "docs/decisions"
    lines = re.findall(r"^\| (\d{4}) \| \[(.*)\]\((.*)\) \| (.*) \| (.*) \|$", (folder / "index.md").read_text(), re.M)
    assert [file for *_, file, _, _ in lines] == sorted(path.name for path in folder.glob("[0-9]*.md"))
    for number, title, file, date, status in lines:
        head = (folder / file).read_text()[:300]
        assert file.startswith(number)
        assert head.startswith(f"# {number}. {title}\n\nDate: {date}")
        assert f"Status: {status}" in head
