"""The public page is short and true, and the core stays pure."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sentiment_engine

PACKAGE = Path(sentiment_engine.__file__).parent
VOCABULARY = (
    "errors",
    "events",
    "settings_base",
    "settings_alerts",
    "settings_archive",
    "settings_audio",
    "settings_audiosocket",
    "settings_door",
    "settings_evidence",
    "settings_genesys",
    "settings_hearing",
    "settings_reviews",
    "settings_tension",
    "settings",
)
LEFT_TO_RIGHT = (
    "frames",
    "pcm",
    "profiles",
    "tones",
    "same_voice",
    "channel",
    "quality",
    "music_weights",
    "music",
    "vad",
    "pitch",
    "rate",
    "usual",
    "emotion",
    "calm",
    "observed",
    "conversation",
    "effects",
    "tension",
    "alerts",
    "phrases",
    "phrase_file",
    "playbook",
    "playbook_check",
    "prompting",
    "tokens",
    "cues",
    "words",
    "contact",
    "flagged",
    "summary",
    "wire",
    "listening",
    "telling",
    "judging",
    "monitor",
    "integrity",
    "replay",
    "__init__",
)
CORE = (*VOCABULARY, *LEFT_TO_RIGHT)
ON_DEMAND = {"listening": {"silero"}}
"""From the shell, inside a function, only where the settings ask for it: `vad.model`."""
SHELL_ONLY = {
    "asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "onnxruntime", "os", "pathlib",
    "queue", "select", "shutil", "socket", "soundfile", "sqlite3", "starlette", "structlog", "subprocess",
    "tempfile", "threading", "time", "datetime", "urllib", "uvicorn", "websockets", "yaml",
}  # fmt: skip


def imports(name):
    """Full names of what a core file imports, anywhere in it."""
    tree = ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            if node.module == "sentiment_engine":
                yield from (f"sentiment_engine.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_the_public_page_names_what_it_offers_in_order():
    assert sentiment_engine.__all__ == sorted(set(sentiment_engine.__all__))
    assert all(hasattr(sentiment_engine, name) for name in sentiment_engine.__all__)


def test_the_public_page_offers_all_that_it_imports():
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert sorted(imported) == sentiment_engine.__all__


def test_importing_the_package_loads_no_model_runtime_and_no_web_stack():
    heavy = ("onnxruntime", "librosa", "starlette", "uvicorn", "websockets", "soundfile", "yaml", "typer")
    code = f"import sentiment_engine, sys; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", CORE)
def test_the_core_has_no_sockets_files_clocks_threads_or_logging(name):
    assert {module.split(".")[0] for module in imports(name)}.isdisjoint(SHELL_ONLY)


@pytest.mark.parametrize("name", CORE)
def test_the_core_opens_nothing_and_prints_nothing(name):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called.isdisjoint({"open", "print", "input", "exec", "eval", "__import__"})


@pytest.mark.parametrize("name", [name for name in CORE if name != "__init__"])
def test_a_core_file_imports_only_the_shared_vocabulary_and_what_stands_to_its_left(name):
    before = (
        VOCABULARY if name not in LEFT_TO_RIGHT else VOCABULARY + LEFT_TO_RIGHT[: LEFT_TO_RIGHT.index(name)]
    )
    ours = {module.split(".")[1] for module in imports(name) if module.startswith("sentiment_engine.")}
    assert ours <= set(before) | ON_DEMAND.get(name, set())
