"""Whether the variables of a render are settings of contato: the real programs read them, with files in place of the mounts."""

import json
import os
import pathlib
import subprocess

from renders import component, name_of, of_kind, pods, scratch
from rules import ROLES
from servers import BINARIES

SECRETS = "/run/secrets/"
# Contents that are good enough for files. The authority's key was never kept.
AUTHORITY = (pathlib.Path(__file__).parent / "authority.crt").read_text()
LONG = "0123456789abcdef0123456789abcdef"
CONTENTS = {
    "broker-url": "amqps://somebody:secret@rabbitmq:5671/contato",
    "store-url": "postgres://somebody:secret@postgresql:5432/contato?sslmode=verify-full",
    "store-read-url": "postgres://somebody:secret@standby:5432/contato?sslmode=verify-full",
    "ids-key": LONG,
    "gateway-key": LONG,
    "dead-letters-keys": f"1:{LONG}{LONG}",
    "operators": "ana:all:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    "oidc-client-secret": "secret",
    "broker-ca.crt": AUTHORITY,
    "store-ca.crt": AUTHORITY,
    "keys.json": "{}",
}
# Settings that the chart decides, which `config` has not; secrets are in it only to be refused.
DECIDED = {
    "auth.apiKeys", "broker.caFile", "store.caFile", "consumerWorker.management", "dlqFunction.listen", "dlqFunction.management",
    "producerApi.listen", "producerApi.management", "shutdown.deadline", "shutdown.drain",
}  # fmt: skip
GOES_BACK = 5


def print_config(program, variables):
    """The settings that a program makes of variables, or why it does not."""
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        [BINARIES / program, "--print-config"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None, (done.stderr or done.stdout).strip().splitlines()[0]
    return json.loads(done.stdout), None


def environment_of(container, maps):
    """The variables of a container."""
    variables = {}
    for source in container.get("envFrom", []):
        variables.update(maps[source["configMapRef"]["name"]])
    for variable in container.get("env", []):
        if "value" in variable:
            variables[variable["name"]] = variable["value"]
    return variables


def mounted(spec, container, path):
    """Whether a file is there: in a volume that names it, or in a folder of the CSI driver, whose classes are not ours."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        if not path.startswith(mount["mountPath"] + "/"):
            continue
        volume = volumes[mount["name"]]
        inner = path[len(mount["mountPath"]) + 1 :]
        if "csi" in volume or "persistentVolumeClaim" in volume:
            return True
        sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
        sources += [volume["secret"]] if "secret" in volume else []
        if any(item["path"] == inner for source in sources for item in source["items"]):
            return True
    return False


def with_files(variables):
    """The variables with files of ours in place of those that are mounted."""
    folder, moved = scratch("files"), {}
    for name, value in variables.items():
        if value.startswith(SECRETS):
            file = folder / value.removeprefix(SECRETS).replace("/", "-")
            file.write_text(CONTENTS[pathlib.PurePath(value).name])
            value = str(file)
        moved[name] = value
    return moved


def seconds(text):
    """A duration as the programs print it, in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(int(part[:-1]) * units[part[-1]] for part in text.split())


def settings_are_taken(found):
    """Each role takes its variables, listens where its ports are, and has the time that it needs to end."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(found, "ConfigMap")}
    for one, labels, spec in pods(found):
        part = component(labels)
        if part not in (*ROLES, "setup", "doctor"):
            continue
        container = spec["containers"][0]
        variables = environment_of(container, maps)
        for name, value in variables.items():
            if value.startswith(SECRETS) and not mounted(spec, container, value):
                yield f"{name_of(one)}: {name} names {value}, which is not mounted"
        variables = {name: value for name, value in variables.items() if name.startswith("CONTATO__")}
        settings, why = print_config(part if part in ROLES else "contato", with_files(variables))
        if settings is None:
            yield f"{name_of(one)}: {why}"
        elif part in ROLES:
            yield from (f"{name_of(one)}: {fault}" for fault in disagreements(part, settings, spec, container))


def disagreements(role, settings, spec, container):
    """Where the pod of a role is not as its settings say."""
    section = settings[{"producer-api": "producerApi", "consumer-worker": "consumerWorker", "dlq-function": "dlqFunction"}[role]]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for port, setting in (("management", "management"), ("http", "listen")):
        address = section.get(setting)
        if address is None:
            if port in ports:
                yield f"has the port {port}, where it listens nowhere"
        elif address != f"0.0.0.0:{ports.get(port)}":
            yield f"listens at {address}, and its port {port} is {ports.get(port)}"
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    needed = sleep + seconds(settings["shutdown"]["drain"]) + seconds(settings["shutdown"]["deadline"]) + GOES_BACK
    if spec["terminationGracePeriodSeconds"] < needed:
        yield f"has {spec['terminationGracePeriodSeconds']} s to end, and needs {needed}"


def commands_are_known(found):
    """The commands that pods run are commands of contato."""
    for one, _, spec in pods(found):
        for container in spec["containers"]:
            if not container["image"].split("@")[0].rsplit("/", 1)[-1].startswith("contato"):
                continue
            done = subprocess.run(
                [BINARIES / "contato", *container["args"], "--help"], capture_output=True, text=True, check=False
            )
            if done.returncode:
                yield f"{name_of(one)}: contato {' '.join(container['args'])}: {done.stderr.strip().splitlines()[0]}"


def keys_of(settings, prefix=""):
    """The keys of settings, by their sections."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def config_is_complete(schema):
    """`config` in the schema has every setting but those that the chart decides, and no other."""
    settings, why = print_config("contato", {})
    if settings is None:
        yield f"contato --print-config: {why}"
        return

    def known(part, prefix=""):
        for name, inner in part["properties"].items():
            if "properties" in inner:
                yield from known(inner, f"{prefix}{name}.")
            else:
                yield prefix + name

    has = set(known(schema["properties"]["config"]))
    wanted = set(keys_of(settings)) - DECIDED
    yield from (f"values.schema.json: config does not know the setting {key}" for key in sorted(wanted - has))
    yield from (f"values.schema.json: config has {key}, which is no setting" for key in sorted(has - wanted))
