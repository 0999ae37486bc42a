"""NetworkPolicies as a graph: which pods are shut off, and which edges are left open. Nothing here knows contato."""

import json

WAYS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}
EVERYBODY, EVERY_PORT = "everybody", "every port"


def canonical(peer):
    """A peer as text, the same for peers that are the same."""
    return json.dumps(peer, sort_keys=True)


def pods(objects):
    """Each pod that a render makes: what makes it, its namespace, its labels, its ports by name."""
    for each in objects:
        kind = each["kind"]
        if kind == "Pod":
            meta, spec = each["metadata"], each["spec"]
        elif kind in WORKLOADS:
            meta, spec = each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]
        elif kind == "CronJob":
            template = each["spec"]["jobTemplate"]["spec"]["template"]
            meta, spec = template["metadata"], template["spec"]
        else:
            continue
        named = {port["name"]: port["containerPort"]
                 for container in spec["containers"] for port in container.get("ports", []) if "name" in port}
        yield {"of": f"{kind} {each['metadata']['name']}", "namespace": each["metadata"].get("namespace"),
               "labels": meta.get("labels", {}), "ports": named}


def matches(selector, labels):
    """Whether a label selector takes these labels. An empty one takes all."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or []:
        value, there = labels.get(rule["key"]), rule["key"] in labels
        if not {"In": lambda: value in rule["values"], "NotIn": lambda: value not in rule["values"],
                "Exists": lambda: there, "DoesNotExist": lambda: not there}[rule["operator"]]():
            return False
    return True


def policies_of(objects, pod):
    return [each for each in objects
            if each["kind"] == "NetworkPolicy"
            and each["metadata"].get("namespace") == pod["namespace"]
            and matches(each["spec"].get("podSelector") or {}, pod["labels"])]


def open_ways(objects, pod):
    """The ways of a pod that no policy shuts: all that is not listed is open there."""
    shut = {way for policy in policies_of(objects, pod) for way in policy["spec"].get("policyTypes", ["Ingress"])}
    return [way for way in WAYS if way not in shut]


def port_of(port, pod):
    """A rule's port as PORT/PROTOCOL; a name is looked up in the pod, where it has one of its own."""
    number = port.get("port", EVERY_PORT)
    if isinstance(number, str) and pod:
        number = pod["ports"].get(number, number)
    if "endPort" in port:
        number = f"{number}-{port['endPort']}"
    return f"{number}/{port.get('protocol', 'TCP')}"


def edges_of(objects, pod):
    """What is open for a pod, as (way, peer, port). A rule without peers or without ports is open for all of them."""
    found = set()
    for policy in policies_of(objects, pod):
        for way, (rules, peers) in WAYS.items():
            if way not in policy["spec"].get("policyTypes", []):
                continue
            for rule in policy["spec"].get(rules) or []:
                names = [canonical(peer) for peer in rule.get(peers) or []] or [EVERYBODY]
                ports = [port_of(port, way == "Ingress" and pod) for port in rule.get("ports") or []] or [EVERY_PORT]
                found |= {(way, name, port) for name in names for port in ports}
    return found
