"""What is wrong with a configuration, a line each."""

import re

from configuration import bare, own
from schema import META, PROVIDERS, plain


def of(configuration, schemas):
    """All that is wrong."""
    found = list(configuration.faults)
    found += versions(configuration, schemas)
    found += variables(configuration)
    for (kind, name), (body, file) in configuration.resources.items():
        found += block(schemas.of_type("resource", kind), body, f"{file}: {kind}.{name}", kind)
    for (kind, name), (body, file) in configuration.data.items():
        found += block(schemas.of_type("data", kind), body, f"{file}: data.{kind}.{name}", kind)
    for name, (body, file) in configuration.providers.items():
        found += block(schemas.of(name, "provider"), body, f"{file}: provider {name}", name)
    found += references(configuration, schemas)
    found += unused(configuration)
    found += open_doors(configuration)
    return found


def open_doors(configuration):
    """Applications that anybody of the directory could sign in to, with all that these ask for."""
    return [
        f"{file}: {kind}.{name} lets the whole directory sign in: app_role_assignment_required"
        for (kind, name), (body, file) in configuration.resources.items()
        if kind == "azuread_service_principal" and name == "console" and body.get("app_role_assignment_required") is not True
    ]


def versions(configuration, schemas):
    """The pinned versions are those whose schemas are read."""
    found = []
    for provider in PROVIDERS:
        pinned = bare(configuration.required.get(provider, {}).get('version', ""))
        known = schemas.of(provider, "provider")["version"]
        if pinned != known:
            found.append(f"versions.tf: {provider} is {pinned or 'not pinned'}, but the schema is that of {known}")
    return found


def variables(configuration):
    found = []
    for group in (configuration.variables, configuration.outputs):
        for name, (body, file) in group.items():
            if len(bare(body.get("description", ""))) < 10:
                found.append(f"{file}: {name} has no description")
    for name, (body, file) in configuration.variables.items():
        if "type" not in body:
            found.append(f"{file}: {name} has no type")
    return found


def block(schema, body, where, kind):
    """A resource, a data source or a provider against its schema."""
    if schema is None:
        return [f"{where}: no provider has {kind}"]
    return struct(schema, schema["main"], body, where)


def struct(schema, name, body, where):
    known, found, given = schema["structs"][name], [], set()
    for argument, value in body.items():
        if argument in META:
            continue
        if argument == "dynamic":
            for entry in value:
                for label, dynamic in entry.items():
                    given.add(bare(label))
                    for content in dynamic.get("content", []):
                        found += nested(schema, known, bare(label), own(content), where)
            continue
        given.add(argument)
        blocks = isinstance(value, list) and any(isinstance(item, dict) and "__is_block__" in item for item in value)
        if argument not in known:
            found.append(f"{where}: {argument} is no argument")
        elif blocks:
            if len(value) > 1 and not known[argument]["list"]:
                found.append(f"{where}: {argument} may be there once")
            for item in value:
                found += nested(schema, known, argument, own(item), where)
        elif known[argument]["block"]:
            found.append(f"{where}: {argument} is a block, without =")
        else:
            found += literal(known[argument], value, f"{where}: {argument}")
    found += [
        f"{where}: {argument} is missing"
        for argument, rule in known.items()
        if rule["required"] and argument not in given
    ]
    return found


def nested(schema, known, argument, body, where):
    rule = known.get(argument)
    if rule is None:
        return [f"{where}: {argument} is no argument"]
    if rule["block"] is None:
        return [f"{where}: {argument} is no block"]
    return struct(schema, rule["block"], body, f"{where}.{argument}")


def literal(rule, value, where):
    """Where the value stands there as it is: a list where there may be one, and only there."""
    expression = isinstance(value, str) and not value.startswith('"')
    if expression or value is None:
        return []
    if isinstance(value, list) != rule["list"] and not (isinstance(value, list) and rule["map"]):
        return [f"{where} is {'a' if rule['list'] else 'no'} list"]
    if isinstance(value, dict) != rule["map"]:
        return [f"{where} is {'a' if rule['map'] else 'no'} map"]
    return []


def references(configuration, schemas):
    found = []
    for kind, name, path, file in configuration.references:
        what = f"{kind}.{name}"
        if kind == "var":
            if name not in configuration.variables:
                found.append(f"{file}: there is no {what}")
            else:
                found += member(configuration.variables[name][0], path, file, what)
        elif kind == "local":
            if name not in configuration.locals:
                found.append(f"{file}: there is no {what}")
            else:
                found += local_member(configuration.locals[name][0], path, file, what)
        elif kind == "module":
            found.append(f"{file}: there are no modules, so no {what}")
        else:
            found += attribute(configuration, schemas, kind, name, path, file)
    return found


def member(body, path, file, what):
    """A member of a variable that is an object."""
    first = re.match(r"\.(\w+)", path)
    if not first or not str(body.get("type", "")).startswith("${object"):
        return []
    members = re.findall(r"(\w+)\s*=", body["type"])
    return [] if first.group(1) in members else [f"{file}: {what} has no {first.group(1)}"]


def local_member(value, path, file, what):
    """A literal key of a local that is a literal map."""
    first = re.match(r'\["([\w.-]+)"\]|\.([\w-]+)', path)
    if not first or not isinstance(value, dict):
        return []
    key = first.group(1) or first.group(2)
    return [] if key in own(value) else [f"{file}: {what} has no {key}"]


def attribute(configuration, schemas, kind, name, path, file):
    """Something of a resource, down to the last part that the schema tells."""
    source = kind.startswith("data.")
    kind = kind.removeprefix("data.")
    what = f"{'data.' if source else ''}{kind}.{name}"
    if (kind, name) not in (configuration.data if source else configuration.resources):
        return [f"{file}: there is no {what}"]
    body = (configuration.data if source else configuration.resources)[kind, name][0]
    several = "for_each" in body or "count" in body
    indexed = path.startswith("[")
    schema = schemas.of_type("data" if source else "resource", kind)
    parts = re.findall(r"\.(\w+)", re.sub(r"\[[^\]]*\]", "", path))
    if schema is None or not parts:
        return []
    if several != indexed:
        return [f"{file}: {what} is {'several' if several else 'one'}, but{'' if indexed else ' not'} indexed"]
    at = schema["own"]
    for part in parts:
        known = schema["outputs"].get(at)
        if known is None:
            break
        if at.endswith(("List", "Map")) and at != schema["own"]:
            at = re.sub(r"(List|Map)$", "OutputReference", at)
            known = schema["outputs"].get(at, {})
        if plain(part) not in known:
            return [f"{file}: {what} has no {'.'.join(parts)}"]
        at = known[plain(part)]
        if at is None:
            break
    return []


def unused(configuration):
    """Variables and locals that nothing reads."""
    read = {(reference.kind, reference.name) for reference in configuration.references}
    # What a variable says of itself in its validation is no use of it.
    elsewhere = {
        reference.name for reference in configuration.references if reference.kind == "var" and reference.file != "variables.tf"
    }
    found = [f"{file}: nothing reads var.{name}" for name, (_, file) in configuration.variables.items() if name not in elsewhere]
    found += [f"{file}: nothing reads local.{name}" for name, (_, file) in configuration.locals.items() if ("local", name) not in read]
    found += [
        f"{file}: nothing reads data.{kind}.{name}"
        for (kind, name), (_, file) in configuration.data.items()
        if (f"data.{kind}", name) not in read
    ]
    return found
