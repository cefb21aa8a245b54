"""Imported from within a package, as apps with folders do."""

from shared import OWNER

from . import __name__ as package

DESCRIPTION = f"{package} of {OWNER}"
