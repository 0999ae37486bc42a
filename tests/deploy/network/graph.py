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


def covers(peer, pod, home):
    """Whether a peer of a policy in the namespace `home` is this pod. Blocks of addresses say nothing about pods."""
    if "ipBlock" in peer:
        return False
    namespaces = peer.get("namespaceSelector")
    there = pod["namespace"] == home if namespaces is None else matches(namespaces, {"kubernetes.io/metadata.name": pod["namespace"]})
    return there and matches(peer.get("podSelector") or {}, pod["labels"])


def selected(objects, pod, other, way):
    """The ports at which a pod's policies let it meet another, by selectors, in one way. EVERY_PORT is all of them."""
    return {port for each, peer, port in edges_of(objects, pod)
            if each == way and (peer == EVERYBODY or covers(json.loads(peer), other, pod["namespace"]))}


def half_edges(objects, concerned):
    """Ways between two pods that are open at one end only, where the open end is a pod that `concerned` takes."""
    everyone = list(pods(objects))
    found = set()
    for pod in everyone:
        for other in everyone:
            if not concerned(pod) or pod is other:
                continue
            for way, back in (("Egress", "Ingress"), ("Ingress", "Egress")):
                given = selected(objects, pod, other, way)
                answer = selected(objects, other, pod, back)
                if back in open_ways(objects, other) or EVERY_PORT in answer:
                    continue
                found |= {f"{pod['of']}: {way} {port} with {other['of']}, whose policies do not let it"
                          for port in given - answer if port != EVERY_PORT}
    return sorted(found)
