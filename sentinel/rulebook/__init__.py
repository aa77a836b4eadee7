"""Rule files to rules or faults: reading, checking, compiling expressions, and the files' own trials."""

from sentinel.rulebook.files import RuleFolder
from sentinel.rulebook.loading import Loader, load_rulebook

__all__ = ["Loader", "RuleFolder", "load_rulebook"]
