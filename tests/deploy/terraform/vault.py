"""What others know of these files by name: secrets, which are made in Key Vault, read by an identity and mounted by a
SecretProviderClass, and the outputs that scripts/aks-deploy asks for."""

import re

import yaml

from configuration import bare, own

ALIAS = re.compile(r"[^a-z0-9-]")


def names(value, configuration):
    """The secrets that a value of the files names; `${role}` stands for each of local.services."""
    if isinstance(value, dict):
        return {name for item in own(value).values() for name in names(item, configuration)}
    if isinstance(value, list):
        return {name for item in value for name in names(item, configuration)}
    found = set()
    for literal in re.findall(r'"(contato-(?:[a-z0-9-]|\$\{role\})+)"', str(value)):
        roles = configuration.locals["services"][0] if "${role}" in literal else [""]
        found |= {literal.replace("${role}", bare(role)) for role in roles}
    for name, key in re.findall(r'local\.(\w+)(?:\["([\w-]+)"\])?', str(value)):
        if name in ("secrets_of", "broker_urls", "store_urls"):
            inner = configuration.locals[name][0]
            found |= names(own(inner)[key] if key else inner, configuration)
    return found


def keys(value, configuration):
    """The names before `=` and `=>`, without what stands after them."""
    text = re.sub(r'(=>?)\s*"(?:[^"\\]|\\.)*"', r"\1", str(value))
    return names(text, configuration)


def made(configuration):
    """Every secret that Key Vault has."""
    found = keys(configuration.locals["secrets"][0], configuration)
    for inner in ("broker_urls", "store_urls"):
        found |= keys(configuration.locals[inner][0], configuration)
    for (kind, _), (body, _) in configuration.resources.items():
        if kind == "azurerm_key_vault_secret" and bare(body["name"]).startswith("contato-"):
            found.add(bare(body["name"]))
    return found


def of(configuration, classes):
    """What is wrong with the secrets. `classes` are SecretProviderClasses, each with the file that it is from."""
    known, found = made(configuration), []
    readers = {role: names(value, configuration) for role, value in own(configuration.locals["readers"][0]).items()}
    for role, read in readers.items():
        found += [f"identities.tf: {role} reads {name}, which nobody makes" for name in sorted(read - known)]
    accounts = own(configuration.locals["accounts"][0]).keys()
    found += [f"identities.tf: {role} is either no identity or reads nothing" for role in sorted(accounts ^ readers.keys())]
    asked = own(configuration.locals["functions_secrets"][0]).values()
    found += [f"functions.tf: {bare(name)} is not made" for name in asked if bare(name) not in known]
    for file, text in configuration.texts.items():
        asked = re.findall(r'(?:secrets|secret_ids)\["(contato-[a-z0-9-]+)"\]', text)
        found += [f"{file}: {name} is not made" for name in asked if name not in known]
    used = set()
    for file, mounted in classes:
        found += one_class(file, mounted, readers, known, used)
    allowed = {(role, name) for role, read in readers.items() for name in read}
    found += [f"identities.tf: {role} may read {name}, but mounts it nowhere" for role, name in sorted(allowed - used)]
    return found


def one_class(file, mounted, readers, known, used):
    name, found = mounted["metadata"]["name"], []
    where = f"{file}: SecretProviderClass {name}"
    # `setup` mounts what it makes users of in folders of their own: contato-setup-producer-api …
    role = next((role for role in sorted(readers, key=len, reverse=True) if name.startswith(f"contato-{role}")), None)
    if role is None:
        return [f"{where} is nobody's: none of {', '.join(readers)}"]
    for text in yaml.safe_load(mounted["spec"]["parameters"]["objects"])["array"]:
        item = yaml.safe_load(text)
        secret, alias = item["objectName"], item.get("objectAlias", item["objectName"])
        used.add((role, secret))
        if secret not in known:
            found.append(f"{where}: {secret} is not made")
        elif secret not in readers[role]:
            found.append(f"{where}: {role} may not read {secret}")
        if not secret.endswith("-" + ALIAS.sub("-", alias.rsplit("/", 1)[-1])):
            found.append(f"{where}: {secret} is the file {alias}, but its name does not end so")
    return found


def outputs(configuration, script):
    """The outputs that the script reads are there; of each identity's it makes client_id_NAME itself."""
    asked = {name for name in re.findall(r"\$\(output (\w+)\)", script) if not name.startswith("client_id_")}
    asked |= {"identity_client_ids"}
    return [f"outputs.tf: scripts/aks-deploy reads {name}, which is no output" for name in sorted(asked - configuration.outputs.keys())]


def mounted_in(folders):
    """The SecretProviderClasses of all manifests below the folders."""
    found = []
    for file in sorted(file for folder in folders for file in folder.rglob("*.yaml")):
        text = file.read_text()
        if "kind: SecretProviderClass" in text:
            found += [
                (file.as_posix(), document)
                for document in yaml.safe_load_all(text)
                if document and document["kind"] == "SecretProviderClass"
            ]
    return found
