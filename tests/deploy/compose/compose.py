"""compose.yaml as docker-compose reads it, and rules of ours for it."""

import functools
import re
import subprocess
from pathlib import Path

import yaml

PROFILES = {
    "": {"secrets", "rabbitmq", "postgres", "setup", "producer-api", "consumer-worker", "dlq-function"},
    "observe": {"prometheus", "alertmanager", "grafana", "postgres-monitor", "postgres-exporter", "otel-collector", "jaeger"},
    "load": {"locust-master", "locust-worker"},
    "gateway": {"gateway"},
}
ROLES = ["producer-api", "consumer-worker", "dlq-function"]
# Services that end, which others wait for.
ONE_SHOT = {"secrets", "setup", "postgres-monitor"}
# Services without a check of health here: why stands beside each in compose.yaml.
WITHOUT_HEALTH = {"otel-collector", "jaeger", "locust-worker"}
ONE_NAME = re.compile(r"(?i)(password|secret|key|token|(broker|store)__(read_)?url)s?$")


@functools.cache
def config(path, *profiles):
    """What docker-compose makes of it: the services and all; a text if it refuses."""
    # Relative paths are the repository's, also for a broken copy elsewhere.
    words = ["docker-compose", "--project-directory", ".", "-f", str(path), *(word for profile in profiles if profile for word in ("--profile", profile)), "config"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        return f"docker-compose config {' '.join(profiles)}: {done.stderr.strip()[-400:]}"
    read = yaml.safe_load(done.stdout)
    for service in read["services"].values():
        service["ports"] = [short_port(port) for port in service.get("ports", [])]
        service["volumes"] = [short_volume(volume) for volume in service.get("volumes", [])]
    return read


def short_port(port):
    """As compose.yaml writes them; docker-compose 2 writes all long, 1 some."""
    if isinstance(port, str):
        return port
    return f"{port.get('host_ip', '')}:{port.get('published', '')}:{port['target']}"


def short_volume(volume):
    """Likewise."""
    if isinstance(volume, str):
        return volume
    return f"{volume['source']}:{volume['target']}:{'ro' if volume.get('read_only') else 'rw'}"


def profile_findings(services):
    """Each profile brings what it should, and no more."""
    for profile, expected in PROFILES.items():
        started = {name for name, service in services.items() if (service.get("profiles") or [""]) == [profile]}
        if started != expected:
            yield f"the profile {profile or 'of a plain up'} starts {sorted(started)}"


def service_findings(name, service, services):
    """What holds for every service."""
    image = service.get("image", "")
    if "build" not in service and not re.fullmatch(r"[\w./-]+:(?!latest\b)[\w.-]+@sha256:[0-9a-f]{64}", image):
        yield f"{name}: the image {image} has no version and digest"
    if "build" in service and service.get("pull_policy") != "build":
        yield f"{name}: an image of that name is looked for elsewhere"
    if ":latest" in image or (":" not in image):
        yield f"{name}: the image {image} is whatever is the latest"
    if service.get("read_only") is not True:
        yield f"{name}: its root file system can be written"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield f"{name}: it has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{name}: it may gain privileges"
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield f"{name}: {port} is published beyond this machine"
    if any("docker.sock" in volume for volume in service.get("volumes", [])):
        yield f"{name}: it has the engine's socket"
    for variable in service.get("environment", {}):
        if ONE_NAME.search(variable):
            yield f"{name}: {variable} is a secret in the environment"
    yield from waiting_findings(name, service, services)


def waiting_findings(name, service, services):
    """Who is waited for is known to be there."""
    health = service.get("healthcheck") or {}
    if name not in ONE_SHOT | WITHOUT_HEALTH and (health.get("test", "NONE") in ("NONE", ["NONE"]) or health.get("disable")):
        yield f"{name}: no check of its health"
    for other, how in (service.get("depends_on") or {}).items():
        condition = how["condition"] if isinstance(how, dict) else how
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        if condition != expected and other not in WITHOUT_HEALTH:
            yield f"{name} waits for {other} by {condition}"
        if other not in services:
            yield f"{name} waits for {other}, which is no service"


def role_findings(services):
    """The services of contato, and who is set up before them."""
    for name in ROLES:
        role = services.get(name, {})
        if set(role.get("depends_on") or {}) != {"secrets", "setup", "rabbitmq", "postgres"}:
            yield f"{name} does not wait for all of secrets, setup, rabbitmq and postgres"
        if role.get("build", {}).get("target") != name:
            yield f"{name} is not built as the target {name}"
        if (role.get("healthcheck") or {}).get("test") != ["CMD", f"/usr/local/bin/{name}", "--check-health"]:
            yield f"{name} does not check its health by --check-health"
        if not any(volume.startswith(f"secret-{name}:") for volume in role.get("volumes", [])):
            yield f"{name} does not get secrets of its own"
        for volume in role.get("volumes", []):
            if volume.split(":")[0] not in (f"secret-{name}", "secret-ids"):
                yield f"{name} gets {volume}"
    setup = services.get("setup", {})
    for name in ROLES:
        if f"secret-{name}:/run/secrets/users/{name}:ro" not in setup.get("volumes", []):
            yield f"setup does not see the user of {name}"
    published = [port for service in services.values() for port in service.get("ports", [])]
    for management in ("9464", "9465", "9466", "5672", "5432", "15692"):
        if any(re.search(rf":{management}(/|$)", port) for port in published):
            yield f"port {management} is published"


def gateway_findings(read):
    """The services believe the gateway's address, and no other."""
    address = read["services"].get("gateway", {}).get("networks", {}).get("edge", {}).get("ipv4_address")
    for name in ROLES:
        if read["services"][name]["environment"].get("CONTATO__HTTP__TRUSTED_PROXIES") != f"{address}/32":
            yield f"{name} does not believe exactly the gateway, {address}"


def file_findings(read):
    """What is mounted from the repository is there, and is only read."""
    here = str(Path.cwd())
    for name, service in read["services"].items():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith(("/", ".")):
                if not Path(source).exists():
                    yield f"{name}: {source.removeprefix(here)} does not exist"
                if not rest.endswith(":ro"):
                    yield f"{name}: {volume} can be written"
            elif source not in read.get("volumes", {}):
                yield f"{name}: there is no volume {source}"


def findings(path):
    """All of them."""
    read = config(path, *PROFILES)
    if isinstance(read, str):
        return [read]
    services = read["services"]
    found = [*profile_findings(services)]
    for name, service in services.items():
        found.extend(service_findings(name, service, services))
    return [*found, *role_findings(services), *gateway_findings(read), *file_findings(read)]
