"""What is wrong with a policy, a line each: its form by the reference, and what contato promises of it."""

import pathlib
import re
import xml.etree.ElementTree as ElementTree

from reference import MEMBERS, PARTS, POLICIES

SECTIONS = ["inbound", "backend", "outbound", "on-error"]
OPENING, CLOSING = "([{", ")]}"
YEAR_S = 365 * 24 * 3600
HTTP = pathlib.Path("shared/src/http")


def of(text, tier):
    """All that is wrong with one document in a tier (`classic`, `consumption`)."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"it is not well-formed: {error}"]
    found = form(root, text, tier)
    return found or promises(root, tier)


# -------------------------------------------------------------------------- form


def form(root, text, tier):
    found = []
    if root.tag != "policies" or [section.tag for section in root] != SECTIONS:
        return [f"it is no <policies> with {', '.join(SECTIONS)} in this order"]
    if re.search(r"&\w+;|&#", text):
        found.append("it has an entity, which xml and rawxml do not read alike")
    used = []
    for section in root:
        for policy in section:
            found += one(policy, section.tag, tier, used)
    found += [f"{name} is there twice" for name in set(used) if POLICIES[name].get("once") and used.count(name) > 1]
    return found


def one(element, section, tier, used):
    rule = POLICIES.get(element.tag)
    if rule is None:
        return [f"{section}: {element.tag} is no policy that the reference has"]
    used.append(element.tag)
    where, found = f"{section}: {element.tag}", []
    if section not in rule["sections"]:
        found.append(f"{where} does not belong there ({rule['page']})")
    if tier not in rule["tiers"]:
        found.append(f"{where} is not for the tier {tier} ({rule['page']})")
    return found + contents(element, rule, where, section, tier, used)


def contents(element, rule, where, section, tier, used):
    given = set(element.attrib)
    found = [f"{where}: {name} is missing" for name in sorted(rule.get("must", set()) - given)]
    found += [f"{where}: {name} is no attribute" for name in sorted(given - rule.get("must", set()) - rule.get("may", set()))]
    for name, value in element.attrib.items():
        found += expression(value, f"{where}: {name}")
        if name in rule.get("plain", ()) and value.startswith("@"):
            found.append(f"{where}: {name} takes no expression")
        if value not in rule.get("words", {}).get(name, {value}):
            found.append(f"{where}: {name} is not {value}")
    content = (element.text or "").strip()
    if rule.get("text"):
        found += expression(content, where) if content else [f"{where} is empty"]
    elif content:
        found.append(f"{where} has text")
    inside = rule.get("inside", set())
    if isinstance(inside, list):
        order = [inside.index(child.tag) for child in element if child.tag in inside]
        if order != sorted(order):
            found.append(f"{where}: its parts are not in the order {', '.join(inside)}")
    for child in element:
        if inside == "policies":
            found += one(child, section, tier, used)
        elif child.tag not in inside or child.tag not in PARTS:
            found.append(f"{where}: {child.tag} is no part of it")
        else:
            found += contents(child, PARTS[child.tag], f"{where}/{child.tag}", section, tier, used)
    return found


def expression(value, where):
    """As far as can be told without the compiler: closed, its brackets paired, nothing of `context` that there is not."""
    if not value.startswith("@"):
        return [f"{where}: an expression begins within a text"] if re.search(r"@[({]", value) else []
    if value[1:2] + value[-1:] not in ("()", "{}"):
        return [f"{where}: the expression does not end with what it begins with"]
    code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', value)
    found = [f"{where}: a string is not closed"] if code.count('"') % 2 else []
    open_ = []
    for position, sign in enumerate(code[1:]):
        if sign in OPENING:
            open_.append(sign)
        elif sign in CLOSING:
            if not open_ or OPENING.index(open_.pop()) != CLOSING.index(sign):
                return found + [f"{where}: {sign} closes nothing"]
            if not open_ and position < len(code) - 2:
                return found + [f"{where}: the expression ends before its text"]
    if open_:
        found.append(f"{where}: {open_[-1]} is not closed")
    for member in re.findall(r"\bcontext(?:\.\w+)+", code):
        if not any(member == known or member.startswith(f"{known}.") for known in MEMBERS):
            found.append(f"{where}: {member} is not among the members that the reference has")
    if value.startswith("@{") and not re.search(r"\breturn\b", code):
        found.append(f"{where}: it returns nothing")
    return found


# --------------------------------------------------------------------- promises


def declared(file, pattern):
    """Names of header fields, as the code declares them."""
    found = re.findall(rf'from_static\("({pattern})"\)', (HTTP / file).read_text())
    if not found:
        raise SystemExit(f"{HTTP / file} declares no {pattern}")
    return found


def promises(root, tier):
    """What the rest of contato relies on."""
    inbound, _, outbound, on_error = root
    order = [policy.tag for policy in inbound]
    headers = {policy.get("name").lower(): policy for policy in inbound if policy.tag == "set-header"}
    action = {name: policy.get("exists-action", "override") for name, policy in headers.items()}
    found = []
    limit = "rate-limit" if tier == "consumption" else "rate-limit-by-key"
    if order.count(limit) != 1:
        found.append(f"inbound: there is no {limit}")
    if "validate-jwt" not in order:
        return found + ["inbound: no token is asked for"]
    first_header = order.index("set-header")
    if order.index("validate-jwt") > first_header:
        found.append("inbound: headers are changed before the token was checked")
    # The gateway's words, whatever a client sent in them: `skip` and `append` would let that through.
    for name in declared("access/gateway.rs", r"x-contato-[a-z-]+"):
        if action.get(name) != "override":
            found.append(f"inbound: {name} is not overridden")
    # What names a caller to producer-api goes before the gateway's word, and keys for the gateway are none of producer-api's business.
    for name in ("authorization", "x-api-key", "ocp-apim-subscription-key"):
        if action.get(name) != "delete":
            found.append(f"inbound: {name} is not deleted")
    for name in [*declared("forwarded.rs", r"x-forwarded-[a-z]+"), "forwarded"]:
        if action.get(name) not in ("override", "delete"):
            found.append(f"inbound: {name} of the client gets through")
    if not any(p.tag == "set-query-parameter" and p.get("name") == "subscription-key" for p in inbound):
        found.append("inbound: the subscription's key in the query gets through")
    key = headers.get("x-contato-gateway-key")
    if key is None or key.findtext("value") != "{{contato-gateway-key}}":
        found.append("inbound: the gateway's key is not the named value")
    issuers = [part.text for part in inbound.iterfind("validate-jwt/issuers/issuer")]
    audiences = [part.text for part in inbound.iterfind("validate-jwt/audiences/audience")]
    if not issuers or not audiences:
        found.append("inbound: a token of any issuer, or for anybody, is taken")
    for section in (outbound, on_error):
        found += hsts(section)
    rewritten = {p.get("name").lower() for p in outbound.iter("set-header")}
    for name in ("operation-location", "location", "link"):
        if name not in rewritten:
            found.append(f"outbound: {name} leads past the gateway")
    return found


def hsts(section):
    for policy in section.iterfind("set-header"):
        if policy.get("name").lower() == "strict-transport-security":
            age = re.match(r"max-age=(\d+)", policy.findtext("value") or "")
            if age and int(age.group(1)) >= YEAR_S and policy.get("exists-action") == "override":
                return []
    return [f"{section.tag}: no Strict-Transport-Security of a year"]
