"""Every key that our code logs must be allowed, or its value is dropped when it is needed most."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from chassis.logs import OWN_KEYS

ROOT = Path(__file__).parents[2]
# The functions that configure logging, and modules that only pass the allowed keys on to them.
_CONFIGURE = {"configure_logs", "run_command"}
_PASS_THROUGH = {"chassis.logs", "services.jobs.commands.run"}


def modules() -> dict[str, ast.Module]:
    paths = [path for folder in ("chassis", "services") for path in (ROOT / folder).rglob("*.py")]
    names = (path.relative_to(ROOT).with_suffix("").parts for path in paths)
    trees = (ast.parse(path.read_text("utf-8")) for path in paths)
    return {
        ".".join(name).removesuffix(".__init__"): tree
        for name, tree in zip(names, trees, strict=True)
    }


def logged_keys(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and key of each keyword in calls that log or bind log context."""
    loggers = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and called(node.value) == "get_logger"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        of_logger = isinstance(owner, ast.Name) and owner.id in loggers
        if of_logger or called(owner) == "get_logger" or called(node) == "bound_context":
            for keyword in node.keywords:
                # `**keys` would hide the keys from this test.
                yield node.lineno, keyword.arg or "**"


def called(node: ast.AST | None) -> str:
    """Return the name of the function in a call, or an empty string for any other node."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def allowed_keys(tree: ast.Module) -> frozenset[str] | None:
    """Return the additional keys of a process; None if the module does not start one."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in _CONFIGURE:
            for keyword in node.keywords:
                if keyword.arg == "allowed_keys":
                    value = keyword.value
                    value = constants[value.id] if isinstance(value, ast.Name) else value
                    return frozenset(ast.literal_eval(value))
            return frozenset()
    return None


MODULES = modules()
PROCESSES = {
    name: keys
    for name, tree in MODULES.items()
    if name not in _PASS_THROUGH and (keys := allowed_keys(tree)) is not None
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("chassis", "services", cache_dir=None)


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_every_key_that_a_process_can_log_is_allowed(
    graph: grimp.ImportGraph, process: str
) -> None:
    loaded = {process, *graph.find_upstream_modules(process)}
    allowed = OWN_KEYS | PROCESSES[process]
    dropped = [
        f"{name}:{line}: {key}"
        for name in sorted(loaded)
        for line, key in logged_keys(MODULES[name])
        if key not in allowed
    ]
    assert dropped == []


def test_all_processes_and_their_loggers_are_found() -> None:
    services = {"gateway", "inference", "jobs", "preprocess"}
    assert {f"services.{name}.main" for name in services} <= PROCESSES.keys()
    commands = {"restored", "retention"}
    assert {f"services.jobs.commands.{name}" for name in commands} <= PROCESSES.keys()
    assert len([name for name, tree in MODULES.items() if list(logged_keys(tree))]) > 20


def test_keys_are_found_in_every_form_of_call() -> None:
    source = """
_log = get_logger(__name__)
_log.info("event", job=1, **more)
_log.bind(a=1)
other.info("event", b=1)
with bound_context(image=2):
    logs.get_logger("x").warning("event", c=1)
"""
    assert [key for _, key in logged_keys(ast.parse(source))] == ["job", "**", "a", "image", "c"]
