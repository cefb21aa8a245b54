"""Load ``function_app.py`` as the Azure Python worker does, and invoke its functions."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import inspect
import json
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import azure.functions as func
from azure.functions.decorators.utils import StringifyEnumJsonEncoder
from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum

from local.host.contract import FunctionFailed
from local.host.sdk import hush_notices, remember_timestamps

SCRIPT = "function_app.py"
_MODULE = "function_app"

# Trigger type -> (kind in the contract, the trigger's own property for the durable name).
_DURABLE = {
    "orchestrationTrigger": ("orchestrator", "orchestration"),
    "activityTrigger": ("activity", "activity"),
    "entityTrigger": ("entity", "entityName"),
}


class AppBroken(Exception):
    """The app cannot be loaded; the text says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app with its bindings, as ``function.json`` would show them."""

    name: str
    trigger: Mapping[str, Any]
    bindings: Sequence[Mapping[str, Any]]
    """The bindings other than the trigger: direction (IN or OUT), type, name, and their own data."""
    python: Callable[..., Any]
    is_async: bool

    @property
    def trigger_type(self) -> str:
        """Return the trigger's binding type, such as ``httpTrigger``."""
        return str(self.trigger["type"])

    @property
    def argument(self) -> str:
        """Return the name of the parameter that takes the trigger's value."""
        return str(self.trigger["name"])

    @property
    def route(self) -> str:
        """Return the route template of an HTTP function, its name where none was given."""
        route = self.trigger.get("route")
        return self.name if route is None else str(route)

    @property
    def methods(self) -> frozenset[str]:
        """Return the HTTP methods accepted, in capitals; all common ones where none was given."""
        every = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
        return frozenset(str(method).upper() for method in self.trigger.get("methods") or every)

    @property
    def auth_level(self) -> str:
        """Return ``anonymous``, ``function`` or ``admin``."""
        return str(self.trigger.get("authLevel") or "function").lower()

    @property
    def durable(self) -> tuple[str, str] | None:
        """Return kind and durable name of an orchestrator, activity or entity; None for others."""
        if self.trigger_type not in _DURABLE:
            return None
        kind, own_name = _DURABLE[self.trigger_type]
        return kind, str(self.trigger.get(own_name) or self.name)


class LoadedApp:
    """The functions of one app, ready to be invoked from any thread."""

    def __init__(
        self,
        directory: Path,
        functions: Mapping[str, Function],
        host_json: Mapping[str, Any],
        threads: int = 16,
    ) -> None:
        self.directory = directory
        self.functions = functions
        self.host_json = host_json
        self.fill: Callable[[Function, Any], dict[str, Any]] = _trigger_alone
        """Makes the arguments of an activity from its trigger's value; who has the other bindings sets it."""
        self._durable = {
            (kind, name.lower()): function
            for function in functions.values()
            for kind, name in [function.durable or ("", "")]
        }
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._loop = _BackgroundLoop()

    # -- contract.App ------------------------------------------------------------------

    def durable_names(self) -> Mapping[str, frozenset[str]]:
        """Return the lower-cased durable names by kind; Azure compares them without case."""
        return {
            kind: frozenset(name for its_kind, name in self._durable if its_kind == kind)
            for kind, _ in _DURABLE.values()
        }

    def run_orchestrator(self, name: str, context: str) -> str:
        """Replay one orchestrator over the context JSON and return the SDK's state JSON."""
        return str(self._run("orchestrator", name, func.OrchestrationContext(context)))

    def run_entity(self, name: str, context: str) -> str:
        """Run a batch of operations on one entity and return the SDK's entity state JSON."""
        return str(self._run("entity", name, func.EntityContext(context)))

    def run_activity(self, name: str, payload: str | None) -> str | None:
        """Run one activity on its JSON input and return its JSON answer."""
        hush_notices()
        with _failing_as_the_worker():
            given = Datum("null" if payload is None else payload, "string")
            value = ActivityTriggerConverter.decode(given, trigger_metadata=None)
        answer = self._run("activity", name, value)
        with _failing_as_the_worker():
            return str(ActivityTriggerConverter.encode(answer, expected_type=None).value)

    # -- for the front -----------------------------------------------------------------

    def call(self, function: Function, kwargs: Mapping[str, Any]) -> Any:
        """Run any function of the app and return what it returns, or raise what it raises."""
        return self.submit(function, kwargs).result()

    def submit(self, function: Function, kwargs: Mapping[str, Any]) -> Future[Any]:
        """Begin to run a function: a sync one on the thread pool, an async one on the app's loop."""
        if function.is_async:
            return self._loop.submit(function.python(**kwargs))
        return self._pool.submit(functools.partial(function.python, **kwargs))

    def close(self) -> None:
        """Let running functions end and stop the threads."""
        self._pool.shutdown(wait=True)
        self._loop.close()

    def _run(self, kind: str, name: str, value: Any) -> Any:
        """Invoke a durable function in the calling thread, which the engine has set aside for it."""
        function = self._durable[kind, name.lower()]
        hush_notices()
        with _failing_as_the_worker():
            fill = self.fill if kind == "activity" else _trigger_alone
            arguments = fill(function, value)
            if function.is_async:
                return self._loop.submit(function.python(**arguments)).result()
            return function.python(**arguments)


def _trigger_alone(function: Function, value: Any) -> dict[str, Any]:
    return {function.argument: value}


def load_app(directory: Path) -> LoadedApp:
    """Index the app in ``directory``; raises AppBroken with the reason."""
    directory = directory.resolve()
    script = directory / SCRIPT
    if not script.is_file():
        raise AppBroken(f"there is no {SCRIPT} in {directory}; name the folder that holds one")
    host_json = _read_host_json(directory / "host.json")
    hush_notices()
    remember_timestamps()
    module = _import_script(script)
    register = _the_one_register(module, script)
    try:
        functions = [_describe(built) for built in register.get_functions()]
    except Exception as error:
        raise AppBroken(f"{script} does not index: {error}") from error
    if not functions:
        raise AppBroken(f"{script} registers no function; decorate or register at least one")
    return LoadedApp(directory, {function.name: function for function in functions}, host_json)


def _describe(built: Any) -> Function:
    trigger = built.get_trigger()
    return Function(
        name=str(built.get_function_name()),
        trigger=_plain(trigger),
        bindings=tuple(_plain(b) for b in built.get_bindings() if b is not trigger),
        python=built.get_user_function(),
        is_async=inspect.iscoroutinefunction(built.get_user_function()),
    )


def _plain(binding: Any) -> dict[str, Any]:
    """Return a binding as ``function.json`` spells it: enumerations become their names."""
    text = json.dumps(binding.get_dict_repr(), cls=StringifyEnumJsonEncoder)
    return cast(dict[str, Any], json.loads(text))


def _read_host_json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise AppBroken(f'{path} is missing; the smallest one is {{"version": "2.0"}}')
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise AppBroken(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise AppBroken(f'{path} must be an object with "version": "2.0"')
    extensions = content.get("extensions", {})
    for name, section in {"extensions": extensions, **_objects(extensions)}.items():
        if not isinstance(section, dict):
            raise AppBroken(f"{path}: {name} must be an object, as in {{}}")
    return content


def _objects(extensions: Any) -> dict[str, Any]:
    """Return the sections of host.json that this host reads."""
    known = extensions if isinstance(extensions, dict) else {}
    return {f"extensions.{name}": known.get(name, {}) for name in ("http", "durableTask")}


def _the_one_register(module: ModuleType, script: Path) -> func.FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if not found:
        raise AppBroken(f"{script} defines no function app; add app = df.DFApp() at its top level")
    if len(found) > 1:
        raise AppBroken(f"{script} defines {len(found)} function apps; keep one at its top level")
    return found[0]


# -- importing: one process, several apps after another -----------------------------------

_import_lock = threading.Lock()
_lent_paths: list[str] = []
_lent_modules: set[str] = set()


def _import_script(script: Path) -> ModuleType:
    """Run the script afresh with its folder first on the path, as the worker does.

    What an earlier app brought in leaves `sys.modules` first, so that two apps may each have a
    ``shared.py``. A folder the process had on its path all along stays part of the process: its
    modules are everybody's, and only the script itself is run anew.
    """
    with _import_lock:
        _return_what_was_lent()
        folder = str(script.parent)
        if folder not in (str(Path(entry or ".").resolve()) for entry in sys.path):
            sys.path.insert(0, folder)
            _lent_paths.append(folder)
        # What can be imported alone: an azure.yaml beside the script is no module called azure.
        own_names = {p.stem for p in script.parent.iterdir() if p.suffix == ".py" or p.is_dir()}
        hidden = _hide_strangers(own_names, script.parent)
        before = set(sys.modules)
        try:
            return _execute(script)
        except AppBroken:
            _forget(set(sys.modules) - before)
            raise
        finally:
            if _lent_paths:
                _lent_modules.update(
                    name for name in set(sys.modules) - before if _top(name) in own_names
                )
            _lent_modules.add(_MODULE)
            sys.modules.update(hidden)


def _execute(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_MODULE, script)
    if spec is None or spec.loader is None:
        raise AppBroken(f"{script} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    importlib.invalidate_caches()
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # an app that exits would end its host without a word
        raise AppBroken(f"{script} does not import: {_where(error, script.parent)}") from error
    return module


def _hide_strangers(own_names: set[str], folder: Path) -> dict[str, ModuleType]:
    """Take modules of the app's own names, loaded from elsewhere, out of the way of its import."""
    strangers = {
        name: module
        for name, module in sys.modules.copy().items()  # another thread may import meanwhile
        if _top(name) in own_names
        and (origin := getattr(module, "__file__", None))
        and not Path(origin).resolve().is_relative_to(folder)
    }
    _forget(strangers)
    return strangers


def _return_what_was_lent() -> None:
    _forget(_lent_modules)
    _lent_modules.clear()
    for path in _lent_paths:
        if path in sys.path:
            sys.path.remove(path)
    _lent_paths.clear()


def _forget(names: Mapping[str, ModuleType] | set[str]) -> None:
    for name in names:
        sys.modules.pop(name, None)


def _top(name: str) -> str:
    return name.partition(".")[0]


# -- failures and the loop for async functions ---------------------------------------------


def _where(error: BaseException, folder: Path) -> str:
    """Say what was raised and at which line of the app."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


@contextmanager
def _failing_as_the_worker() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        stack = "".join(traceback.format_exception(error))
        raise FunctionFailed(f"{type(error).__name__}: {error}", stack) from error


class _BackgroundLoop:
    """One event loop on a thread of its own, begun when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def close(self) -> None:
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="function-loop", daemon=True
                )
                self._thread.start()
            return self._loop
