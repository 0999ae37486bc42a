"""What every render keeps to. A rule takes the objects of a render and gives its findings."""

import re

from renders import component, name_of, of_kind, pods

ROLES = ("producer-api", "consumer-worker", "dlq-function")
# Pods of contato's own images.
OWN = (*ROLES, "setup", "smoke", "doctor")
SELECTOR = {f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")}
LABELS = SELECTOR | {f"app.kubernetes.io/{key}" for key in ("version", "managed-by", "part-of")}
# What the pod security standard restricted lets be mounted.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def well_named(found):
    """Names that Kubernetes takes, none of them twice, all in the namespace and labelled."""
    seen = set()
    for one in found:
        name, meta = name_of(one), one["metadata"]
        if name in seen:
            yield f"{name}: is there twice"
        seen.add(name)
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", meta["name"]):
            yield f"{name}: is no name of at most 63 letters, digits and dashes"
        if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{name}: the chart needs no rights beyond its namespace"
        elif meta.get("namespace") != "contato":
            yield f"{name}: is not in the namespace of the release"
        labels = meta.get("labels", {})
        # Objects of extraObjects are not the chart's.
        if labels and not LABELS <= labels.keys():
            yield f"{name}: lacks the labels {sorted(LABELS - labels.keys())}"
        if one["kind"] == "Secret":
            yield f"{name}: the chart makes no Secrets"


def selectors(found):
    """Each selector selects the pods of one component, and is minimal, since it cannot be changed."""
    every = [(component(labels), labels) for _, labels, _ in pods(found)]
    for one in of_kind(found, "Service", "Deployment", "PodDisruptionBudget", "StatefulSet"):
        selector = one["spec"]["selector"]
        selector = selector if one["kind"] == "Service" else selector["matchLabels"]
        if selector.keys() != SELECTOR:
            yield f"{name_of(one)}: selects by {sorted(selector)}"
        hit = {part for part, labels in every if selector.items() <= labels.items()}
        if hit != {component(one["metadata"]["labels"])}:
            yield f"{name_of(one)}: selects the pods of {sorted(hit) or 'nobody'}"
    for one, _, spec in pods(found):
        for spread in spec.get("topologySpreadConstraints", []):
            if spread["labelSelector"]["matchLabels"].keys() != SELECTOR:
                yield f"{name_of(one)}: spreads over {spread['labelSelector']}"
    deployments = {one["metadata"]["name"]: one for one in of_kind(found, "Deployment")}
    for one in of_kind(found, "HorizontalPodAutoscaler", "ScaledObject"):
        target = deployments.get(one["spec"]["scaleTargetRef"]["name"])
        if target is None:
            yield f"{name_of(one)}: scales what is not there"
        elif "replicas" in target["spec"]:
            yield f"{name_of(one)}: its Deployment has replicas, too"


def restricted(found):
    """The pod security standard `restricted`, and what contato's own pods keep to beyond it."""
    for one, labels, spec in pods(found):
        name = name_of(one)
        for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
            if spec.get(key):
                yield f"{name}: {key}"
        for volume in spec.get("volumes", []):
            for kind in volume.keys() - {"name"} - VOLUMES:
                yield f"{name}: a volume of the kind {kind}"
            if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
                yield f"{name}: the emptyDir {volume['name']} has no sizeLimit"
        of_pod = spec.get("securityContext", {})
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            yield from (f"{name}: {fault}" for fault in faults_of(container, of_pod))
        if component(labels) in OWN:
            yield from (f"{name}: {fault}" for fault in faults_of_own(spec))


def faults_of(container, of_pod):
    """Why a container is not restricted."""
    own = container.get("securityContext", {})
    both = {**of_pod, **own}
    if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
        yield "capabilities are not dropped"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser", 1) == 0:
        yield "may run as root"
    if both.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccompProfile"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "a hostPort"
    resources = container.get("resources", {})
    for which, amounts in (("requests", ("cpu", "memory", "ephemeral-storage")), ("limits", ("memory", "ephemeral-storage"))):
        for amount in amounts:
            if amount not in resources.get(which, {}):
                yield f"no {which} of {amount}"


def faults_of_own(spec):
    """What contato's own pods keep to beyond `restricted`."""
    if spec.get("automountServiceAccountToken") is not False:
        yield "mounts a token of Kubernetes"
    if not spec.get("serviceAccountName"):
        yield "has no ServiceAccount of its own"
    for container in spec["containers"]:
        for variable in container.get("env", []):
            if variable.get("valueFrom", {}).get("secretKeyRef"):
                yield f"has a secret in the variable {variable['name']}"
        if any("secretRef" in source for source in container.get("envFrom", [])):
            yield "has secrets in variables"
        if any("subPath" in mount for mount in container.get("volumeMounts", [])):
            yield "mounts a single file, which would not change with its Secret"


def probes_and_ports(found):
    """Probes ask ports that are there, Services lead to them, and no Service but a headless one has the management port."""
    ports_of = {}
    for one, labels, spec in pods(found):
        for container in spec["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            ports_of.setdefault(component(labels), {}).update(ports)
            if component(labels) not in ROLES:
                continue
            for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                asked = container.get(probe, {}).get("httpGet", {})
                if asked.get("path") != path or asked.get("port") != "management" or "management" not in ports:
                    yield f"{name_of(one)}: the {probe} asks {asked}"
    for one in of_kind(found, "Service"):
        headless = one["spec"].get("clusterIP") == "None"
        for port in one["spec"]["ports"]:
            if port["targetPort"] not in ports_of.get(component(one["metadata"]["labels"]), {}):
                yield f"{name_of(one)}: its port {port['name']} leads to no port"
            if port["name"] == "management" and not headless:
                yield f"{name_of(one)}: opens the management listener"


RULES = (well_named, selectors, restricted, probes_and_ports)
