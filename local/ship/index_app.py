"""Run inside the clean room: index ``function_app`` and print its functions and the homes of its modules as JSON."""

import json
import sys
from importlib import import_module
from pathlib import Path

# The app's folder comes first, as in Azure.
sys.path.insert(0, str(Path.cwd()))

app = import_module(Path("function_app.py").stem).app

functions = [
    {
        "name": function.get_function_name(),
        "bindings": sorted(binding.get_binding_name() for binding in function.get_bindings()),
        "trigger": trigger.get_binding_name(),
    }
    for function in app.get_functions()
    if (trigger := function.get_trigger())
]
homes = sorted(
    {
        str(module.__file__)
        for name, module in list(sys.modules.items())
        if name != "__main__" and getattr(module, "__file__", None)
    }
)
print(json.dumps({"functions": functions, "files": homes}))  # noqa: T201 - it is the answer
