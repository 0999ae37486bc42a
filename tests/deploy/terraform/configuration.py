"""A folder of Terraform files, read with python-hcl2, and what they refer to."""

import collections
import functools
import re

import hcl2

# A reference as it stands in the text: what it is, and the parts after it.
REFERENCE = re.compile(
    r"(?<![\w.\"/-])(var|local|module|data\.\w+|(?:azuread|azurerm|random)_\w+)\.([A-Za-z_][\w-]*)((?:\[[^\[\]]*\]|\.[A-Za-z_]\w*)*)"
)
BLOCKS = ("resource", "data", "variable", "locals", "output", "provider", "terraform")
Reference = collections.namedtuple("Reference", "kind name path file")


def bare(text):
    """A label or a plain string without its quotation marks."""
    return text[1:-1] if isinstance(text, str) and len(text) > 1 and text[0] == text[-1] == '"' else text


@functools.cache
def tree_of(text):
    """The tree of a file: most files are the same in all that this check looks at."""
    return hcl2.loads(text)


def own(body):
    """The members of a block that stand in the file."""
    return {bare(key): value for key, value in body.items() if not key.startswith("__")}


class Configuration:
    """What the files say."""

    def __init__(self, folder):
        self.resources, self.data, self.variables, self.outputs, self.locals = {}, {}, {}, {}, {}
        self.providers, self.required, self.references, self.faults = {}, {}, [], []
        self.texts = {path.name: path.read_text() for path in sorted(folder.glob("*.tf"))}
        for file, text in self.texts.items():
            try:
                tree = tree_of(text)
            except Exception as error:  # whatever its parser says
                self.faults.append(f"{file} cannot be read: {str(error).splitlines()[0]}")
                continue
            self.take(file, tree)
            code = re.sub(r"(?m)^\s*#.*$", "", text)
            for match in REFERENCE.finditer(code):
                self.references.append(Reference(match.group(1), match.group(2), match.group(3), file))

    def take(self, file, tree):
        for block in tree.keys() - set(BLOCKS) - {"__comments__"}:
            self.faults.append(f"{file}: {block} is not known to this check")
        for kind, into in (("resource", self.resources), ("data", self.data)):
            for entry in tree.get(kind, []):
                for label, named in entry.items():
                    for name, body in own(named).items():
                        self.add(into, (bare(label), name), (own(body), file), file)
        for kind, into in (("variable", self.variables), ("output", self.outputs)):
            for entry in tree.get(kind, []):
                for label, body in entry.items():
                    self.add(into, bare(label), (own(body), file), file)
        for entry in tree.get("locals", []):
            for name, value in own(entry).items():
                self.add(self.locals, name, (value, file), file)
        for entry in tree.get("provider", []):
            for label, body in entry.items():
                self.add(self.providers, bare(label), (own(body), file), file)
        for entry in tree.get("terraform", []):
            for providers in entry.get("required_providers", []):
                self.required.update(own(providers))

    def add(self, into, name, value, file):
        if name in into:
            self.faults.append(f"{file}: {name} is there twice")
        into[name] = value
