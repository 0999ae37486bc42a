"""docs/load.md and its translation: the templates of `loadtest/pages` with the tables and sentences that results come to."""

import re
from dataclasses import dataclass
from pathlib import Path

import scenarios
from campaign import judge

PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True)
class Language:
    """How numbers are written, and the words of tables and sentences."""

    template: str
    thousands: str
    decimal: str
    words: dict

    def number(self, value, digits=0):
        if value is None:
            return "–"
        written = f"{value:,.{digits}f}"
        return written.translate(str.maketrans({",": self.thousands, ".": self.decimal}))

    def percent(self, part, digits=0):
        return f"{self.number(part * 100, digits)} %"

    def say(self, word, **parts):
        return self.words[word].format(**parts)


ENGLISH = Language(
    "load.md",
    ",",
    ".",
    {
        "users": "users",
        "replicas": "replicas",
        "levels": "| users | req/s | p50 | p95 | p99 | 202: p99 | witness: p99 | applied: p99 | errors | generator | others | machine | status |",
        "asked": "| scenario | users | a second | held for, each |",
        "lost": "| scenario | replicas | answered 202 | accepted | in SQL | lost | drained after | most that waited |",
        "errors": "| scenario | replicas | users | errors | how many |",
        "ladder": "| requests a second | p99 from when it was due | p99 from when it was sent |",
        "rate held": "**{rate} writes a second** were held for {seconds} s.",
        "no errors": "No request failed.",
        "by users": "Requests a second and p95 by users",
        "by time": "Users, requests a second, p95 and what waits, by time",
        "by replicas": "Requests a second and p95 by users and replicas",
        "price": "| replicas | processes | users | req/s | 202: p99, witness | contato's CPU | broker's and database's CPU | requests a CPU second | memory, peaks |",
        "ok": "OK",
        "degraded": "degraded",
        "invalid": "**invalid**",
        "reason users": "users never came",
        "reason generator": "generator",
        "reason queue": "users wait in the generator",
        "reason others": "other programs",
        "reason errors": "errors",
        "reason accepted": "202 too late",
        "reason committed": "applied too late",
        "all held": "{run}: none of the levels was too much; {users} users were held, with {rate} requests a second and a p95 of {p95} ms.",
        "saturated": "{run}: **{users} users** are too much ({why}){before}",
        "unmeasured": "{run}: not found. From {users} users on what was measured is no longer contato ({why}){before}",
        "held before": "; the level before, of {users}, was held, with {rate} requests a second and a p95 of {p95} ms.",
        "none before": "; no level was held.",
        "cores": "cores",
        "machine": "{cores} cores ({cpu}), {memory} GiB, Linux {kernel}\n* {versions}\n* contato {commit}, {build} build; {day}",
        "generators": "Locust ran as {count} process(es).",
        "scaled": "**Scaled**: {scale} times the users, {time} times the seconds at each level.",
        "unscaled": "Users and seconds are those of the table above.",
        "not played": "Not played.",
        "more": "{replicas} beside {first}, at {users} users: {rate} of its requests a second, {cpu} of its CPU time a request, {memory} of its memory.",
    },
)
PORTUGUESE = Language(
    "load.pt-BR.md",
    ".",
    ",",
    {
        "users": "usuários",
        "replicas": "réplicas",
        "levels": "| usuários | req/s | p50 | p95 | p99 | 202: p99 | testemunha: p99 | aplicado: p99 | erros | gerador | outros | máquina | status |",
        "asked": "| cenário | usuários | por segundo | mantidos por, cada |",
        "lost": "| cenário | réplicas | respondidos 202 | aceitos | em SQL | perdidos | fila vazia após | máximo em espera |",
        "errors": "| cenário | réplicas | usuários | erros | quantos |",
        "ladder": "| requisições por segundo | p99 desde que era devida | p99 desde que foi enviada |",
        "rate held": "**{rate} escritas por segundo** foram suportadas por {seconds} s.",
        "no errors": "Nenhuma requisição falhou.",
        "by users": "Requisições por segundo e p95 por usuários",
        "by time": "Usuários, requisições por segundo, p95 e o que espera, ao longo do tempo",
        "by replicas": "Requisições por segundo e p95 por usuários e réplicas",
        "price": "| réplicas | processos | usuários | req/s | 202: p99, testemunha | CPU do contato | CPU do broker e do banco | requisições por segundo de CPU | memória, picos |",
        "ok": "OK",
        "degraded": "degradado",
        "invalid": "**inválido**",
        "reason users": "os usuários não chegaram",
        "reason generator": "gerador",
        "reason queue": "usuários esperam no gerador",
        "reason others": "outros programas",
        "reason errors": "erros",
        "reason accepted": "202 tarde demais",
        "reason committed": "aplicado tarde demais",
        "all held": "{run}: nenhum nível foi demais; {users} usuários foram suportados, com {rate} requisições por segundo e p95 de {p95} ms.",
        "saturated": "{run}: **{users} usuários** são demais ({why}){before}",
        "unmeasured": "{run}: não encontrado. A partir de {users} usuários o que se mede já não é o contato ({why}){before}",
        "held before": "; o nível anterior, de {users}, foi suportado, com {rate} requisições por segundo e p95 de {p95} ms.",
        "none before": "; nenhum nível foi suportado.",
        "cores": "núcleos",
        "machine": "{cores} núcleos ({cpu}), {memory} GiB, Linux {kernel}\n* {versions}\n* contato {commit}, build {build}; {day}",
        "generators": "O Locust rodou em {count} processo(s).",
        "scaled": "**Em escala**: {scale} vez(es) os usuários, {time} vez(es) os segundos em cada nível.",
        "unscaled": "Usuários e segundos são os da tabela acima.",
        "not played": "Não executado.",
        "more": "{replicas} ao lado de {first}, com {users} usuários: {rate} das requisições por segundo, {cpu} do tempo de CPU por requisição, {memory} da memória.",
    },
)
LANGUAGES = [ENGLISH, PORTUGUESE]


def pages(found):
    """Each page's name with its text."""
    return {language.template: page(found, language) for language in LANGUAGES}


def page(found, language):
    """A placeholder is `{{what}}` or `{{what of scenario}}`; one that nobody knows is a KeyError."""
    makers = {"asked": asked, "surroundings": surroundings, "levels": levels, "saturation": saturation, "comparison": comparison}
    makers |= {"price": price, "lost": lost, "errors": errors, "ladder": ladder, "picture": picture}

    def made(match):
        what, _, scenario = match.group(1).partition(" of ")
        return makers[what](found, language, *([scenario] if scenario else []))

    text = re.sub(r"\{\{(.*?)\}\}", made, (PAGES / language.template).read_text())
    # A picture that is not there leaves no gap.
    return re.sub(r"\n{3,}", "\n\n", text)


# ------------------------------------------------------------------------ parts


def table(head, rows):
    """With numbers on the right."""
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "|".join(["---"] + ["---:"] * (columns - 1)) + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def replicas(run):
    return f"{run['producers']}/{run['workers']}"


def of_scenario(found, scenario):
    return [run for run in found["runs"] if run["scenario"] == scenario]


def rate(level):
    return level["requests"] / level["seconds"]


def few(requests, language):
    """Requests a second: of few, a part counts."""
    return language.number(requests, 1 if requests < 10 else 0)


def why(level, language):
    invalid, degraded = judge.faults(level)
    return ", ".join(language.say(f"reason {name}") for name in invalid or degraded)


def status(level, language):
    said = language.say(judge.status(level))
    return said if judge.status(level) == judge.OK else f"{said}: {why(level, language)}"


def asked(_, language):
    rows = []
    for name in scenarios.SCENARIOS:
        held = [level for level in scenarios.levels(name) if not level.rest]
        rates = list(dict.fromkeys(language.number(level.rate) for level in held))
        holds = list(dict.fromkeys(language.number(level.hold_seconds) for level in held))
        users = ", ".join(language.number(level.users) for level in held)
        rows.append([f"`{name}`", users, ", ".join(rates), f"{', '.join(holds)} s"])
    return table(language.say("asked"), rows)


def surroundings(found, language):
    where = found["surroundings"]
    commits = dict.fromkeys(part["commit"] for part in [*found["runs"], *([found["ladder"]] if "ladder" in found else [])])
    machine, versions = where["machine"], where["versions"]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    text = language.say(
        "machine", cores=machine["cores"], cpu=machine["cpu"], memory=machine["memoryGib"], kernel=machine["kernel"], versions=listed, commit=", ".join(commits), build=where["build"], day=where["day"]
    )
    scaled = where["scale"] != 1 or where["timeScale"] != 1
    how = language.say("scaled", scale=language.number(where["scale"], 2), time=language.number(where["timeScale"], 2)) if scaled else language.say("unscaled")
    return f"* {text}\n* {how} {language.say('generators', count=where['generators'])}"


def levels(found, language, scenario):
    """A table for each number of replicas."""
    parts = []
    for run in of_scenario(found, scenario):
        rows = [level_row(level, language) for level in run["levels"]]
        parts.append(f"{language.say('replicas').capitalize()} {replicas(run)}:\n\n{table(language.say('levels'), rows)}")
    return "\n\n".join(parts) or language.say("not played")


def level_row(level, language):
    cpu = level.get("cpu", {})
    cores = lambda name: "–" if name not in cpu else language.percent(cpu[name])
    milliseconds = [level["answered"][name] for name in ("p50", "p95", "p99")] + [level["accepted"]["p99"], level.get("witness", {}).get("p99"), level.get("committed", {}).get("p99")]
    return [
        language.number(level["users"]),
        language.number(rate(level), 1),
        *(language.number(value) for value in milliseconds),
        language.percent(judge.error_rate(level), 2),
        cores("busiest generator"),
        cores("others"),
        cores("machine"),
        status(level, language),
    ]


def saturation(found, language):
    """A sentence for each run of the scenarios that go up in users."""
    lines = []
    for run in of_scenario(found, "stress") + of_scenario(found, "base"):
        which = f"`{run['scenario']}`, {replicas(run)}"
        held, over = judge.saturation(run["levels"])
        figures = lambda level: {"users": language.number(level["users"]), "rate": few(rate(level), language), "p95": language.number(level["answered"]["p95"])}
        if over is None:
            lines.append(language.say("all held", run=which, **figures(held)))
            continue
        before = language.say("held before", **figures(held)) if held else language.say("none before")
        kind = "unmeasured" if judge.status(over) == judge.INVALID else "saturated"
        lines.append(language.say(kind, run=which, users=language.number(over["users"]), why=why(over, language), before=before))
    return "\n".join(f"* {line}" for line in lines) or language.say("not played")


def compared(found):
    """Scenarios that were played with several numbers of replicas."""
    return [name for name in scenarios.SCENARIOS if len(of_scenario(found, name)) > 1]


def comparison(found, language):
    """Requests a second, p95, what the witness says and status of the same level beside each other."""
    parts = []
    for name in compared(found):
        runs = of_scenario(found, name)
        head = "".join(f"| {word} " for word in [f"`{name}`: {language.say('users')}", *map(replicas, runs)]) + "|"
        rows = [[language.number(beside[0]["users"]), *(cell(level, language) for level in beside)] for beside in zip(*(run["levels"] for run in runs))]
        parts.append(table(head, rows))
    return "\n\n".join(parts) or language.say("not played")


def cell(level, language):
    witness = level.get("witness", {}).get("p99")
    witnessed = "" if witness is None else f" ({language.number(witness)} ms)"
    return f"{few(rate(level), language)} req/s, {language.number(level['answered']['p95'])} ms{witnessed}, {status(level, language)}"


def pictured(found):
    """What there are pictures of, by name, with the runs that each shows."""
    shown = {name: of_scenario(found, name)[:1] for name in ("base", "spike", "stress")}
    shown["replicas"] = of_scenario(found, compared(found)[-1]) if compared(found) else []
    return {name: runs for name, runs in shown.items() if runs}


def picture(found, language, name):
    if name not in pictured(found):
        return ""
    says = {"spike": "by time", "replicas": "by replicas"}.get(name, "by users")
    return f"![{language.say(says)}](load/{name}.svg)"


def price(found, language):
    """What more replicas cost and bring, at the highest level that the fewest held: what a request costs does not depend on who waits."""
    name = next(iter(reversed(compared(found))), None)
    if name is None:
        return language.say("not played")
    runs = of_scenario(found, name)
    beside = [level for level in zip(*(run["levels"] for run in runs)) if all("cpu" in each for each in level)]
    held = [level for level in beside if judge.status(level[0]) == judge.OK]
    picked = (held or beside)[-1]
    rows = [price_row(run, level, language) for run, level in zip(runs, picked)]
    first = (runs[0], picked[0])
    more = [more_line(first, (run, level), language) for run, level in list(zip(runs, picked))[1:]]
    return "\n".join([f"`{name}`:", "", table(language.say("price"), rows), "", *(f"* {line}" for line in more)])


def own_cores(level):
    return sum(level["cpu"][role] for role in ("producer-api", "consumer-worker", "dlq-function"))


def price_row(run, level, language):
    cpu = level["cpu"]
    return [
        replicas(run),
        language.number(len(run["memory"])),
        language.number(level["users"]),
        language.number(rate(level)),
        f"{language.number(level.get('witness', level['accepted'])['p99'])} ms",
        f"{language.number(own_cores(level), 2)} {language.say('cores')}",
        f"{language.number(cpu['rabbitmq'] + cpu['postgres'], 2)} {language.say('cores')}",
        language.number(rate(level) / max(own_cores(level), 1e-3)),
        f"{language.number(sum(run['memory'].values()))} MiB",
    ]


def more_line(first, other, language):
    (run, level), (more, beside) = first, other
    cost = lambda one: own_cores(one) / rate(one)
    return language.say(
        "more",
        replicas=replicas(more),
        first=replicas(run),
        users=language.number(beside["users"]),
        rate=language.percent(rate(beside) / rate(level)),
        cpu=language.percent(cost(beside) / max(cost(level), 1e-9)),
        memory=language.percent(sum(more["memory"].values()) / sum(run["memory"].values())),
    )


def lost(found, language):
    rows = []
    for run in found["runs"]:
        ends = run["ends"]
        most = max(level.get("waiting", 0) for level in run["levels"])
        counts = [language.number(ends[name]) for name in ("answered", "accepted", "rows")]
        rows.append([f"`{run['scenario']}`", replicas(run), *counts, language.number(judge.lost(run)), f"{language.number(run['drainSeconds'], 1)} s", language.number(most)])
    return table(language.say("lost"), rows)


def errors(found, language):
    rows = [
        [f"`{run['scenario']}`", replicas(run), language.number(level["users"]), f"`{error}`", language.number(count)]
        for run in found["runs"]
        for level in run["levels"]
        for error, count in level["errors"].items()
    ]
    return table(language.say("errors"), rows) if rows else language.say("no errors")


def ladder(found, language):
    """The constant rates, in milliseconds."""
    climbed = found.get("ladder")
    if climbed is None:
        return language.say("not played")
    rows = [[language.number(step["rate"]), language.number(step["due"], 1), language.number(step["sent"], 1)] for step in climbed["rates"]]
    held = language.say("rate held", rate=language.number(climbed["held"]), seconds=climbed["seconds"])
    return f"{table(language.say('ladder'), rows)}\n\n{held}"
