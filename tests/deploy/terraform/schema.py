"""What providers of Terraform take and give: read from the source of generated classes, which name every argument, say whether
it is required, and what it is. Nothing of it is run."""

import ast
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / "schemas.txt"
PROVIDERS = ("azuread", "azurerm", "random")
# What Terraform itself takes in every resource.
META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}


def plain(name):
    """The classes write `use_32_bit_worker` as `use32_bit_worker`."""
    return name.replace("_", "")


class Schemas:
    """The schemas, kept in a folder once they were fetched and read."""

    def __init__(self, folder):
        mark = hashlib.sha256(LIST.read_bytes() + pathlib.Path(__file__).read_bytes()).hexdigest()[:16]
        self.folder = folder / mark
        self.read = {}
        self.wheels = None

    def fetch(self):
        wheels = self.folder / "wheels"
        if not (wheels / "whole").exists():
            wheels.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary", ":all:", "--require-hashes", "--requirement", LIST, "--dest", wheels]
            subprocess.run(command, check=True)
            (wheels / "whole").touch()
        self.wheels = {
            provider: zipfile.ZipFile(next(wheels.glob(f"cdktn_provider_{provider}-*.whl"))) for provider in PROVIDERS
        }

    def of(self, provider, module):
        """The schema of one module, such as `kubernetes_cluster`; None if the provider has none of that name."""
        place = (provider, module)
        if place not in self.read:
            kept = self.folder / f"{provider}.{module}.json"
            if not kept.exists():
                if self.wheels is None:
                    self.fetch()
                try:
                    source = self.wheels[provider].read(f"cdktn_provider_{provider}/{module}/__init__.py").decode()
                except KeyError:
                    return None
                kept.parent.mkdir(parents=True, exist_ok=True)
                new = kept.with_suffix(".new")
                new.write_text(json.dumps(extract(source)))
                new.replace(kept)
            self.read[place] = json.loads(kept.read_text())
        return self.read[place]

    def of_type(self, kind, name):
        """The schema of a resource (`resource`) or a data source (`data`) by its type; None if there is none."""
        provider, _, rest = name.partition("_")
        if provider not in PROVIDERS or not rest:
            return None
        return self.of(provider, f"data_{name}" if kind == "data" else rest)


def extract(source):
    """`arguments` and `attributes` of the module, by the names of its classes; `main` and `own` are the resource's."""
    structs, outputs, main, own = {}, {}, None, None
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = " ".join(ast.unparse(base) for base in node.bases)
        if any("data_type" in ast.unparse(decorator) for decorator in node.decorator_list):
            structs[node.name] = arguments(node)
            if META <= structs[node.name].keys() or node.name.endswith("ProviderConfig"):
                main = node.name
        elif re.search(r"Terraform(Resource|DataSource|Provider)|ComplexObject|ComplexList|MapList", bases):
            outputs[node.name] = attributes(node)
            if re.search(r"Terraform(Resource|DataSource)\b", bases):
                own = node.name
    version = re.search(r"providers/hashicorp/\w+/([\d.]+)/", source)
    return {"structs": structs, "outputs": outputs, "main": main, "own": own, "version": version and version.group(1)}


def arguments(node):
    """By their names in Terraform: whether each is required, which class a block is, and whether it is a list."""
    found = {}
    init = next(item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")
    documented = dict(re.findall(r":param (\w+): [^\n]*?\{@link [^ }]*#(\w+) ", ast.get_docstring(init) or ""))
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults):
        text = ast.unparse(argument.annotation)
        block = re.search(r"Union\['(\w+)', typing\.Dict", text)
        found[documented.get(argument.arg, argument.arg)] = {
            "required": default is None,
            "block": block.group(1) if block else None,
            "list": "typing.Sequence" in text,
            "map": "typing.Mapping" in text,
        }
    return found


def attributes(node):
    """What can be read: names without underscores, and the class of each that has parts."""
    found = {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and any("property" in ast.unparse(d) for d in item.decorator_list):
            if item.name.endswith("_input"):
                continue
            parts = re.search(r"'(\w+(?:OutputReference|List|Map))'", ast.unparse(item.returns))
            found[plain(item.name)] = parts.group(1) if parts else None
    return found
