"""What all dashboards have in common: variables, links, annotations, and the order of their panels.

A dashboard is a list of rows, a row a title with panels (panels.py). Positions and ids follow from that order alone, so that the
files only change where somebody changed something.
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common, dashboard as model

# By this the dashboards find each other.
TAG = "contato"
COLUMNS = 24
# The data source that the reader chose, of those of the type Prometheus.
DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
ROLES = "producer-api|consumer-worker|dlq-function"


def series(name, job=None, *matchers):
    """A series of what the reader chose. `.*`, which `All` stands for, also finds series without the label."""
    labels = [f'job="{job}"'] if job else []
    labels += ['namespace=~"$namespace"', *matchers]
    return f"{name}{{{','.join(labels)}}}"


def of_instance(name, job, *matchers):
    """The same, of the chosen instances."""
    return series(name, job, 'instance=~"$instance"', *matchers)


def query_variable(name, label, description, query):
    everything = model.VariableOption(selected=True, text="All", value="$__all")
    return (
        build.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .definition(query)
        .query({"qryType": 1, "query": query, "refId": f"variable-{name}"})
        .current(everything)
        .include_all(True)
        .all_value(".*")
        .multi(True)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def variables(of, more):
    """Data source and namespace, then what a dashboard has besides."""
    source = (
        build.DatasourceVariable("datasource")
        .label("Data source")
        .description("The Prometheus that is asked.")
        .type("prometheus")
        .current(model.VariableOption(selected=True, text="Prometheus", value="prometheus"))
    )
    namespace = query_variable(
        "namespace", "Namespace", "In Kubernetes. Elsewhere series have none, and All shows them.", f"label_values({of}, namespace)"
    )
    return [source, namespace, *more]


def runbooks():
    """Where they are: in the repository, or where the chart's values say. It is not shown; the library's builder cannot hide it."""
    return model.VariableModel(
        name="runbooks", type_val=model.VariableType.CONSTANT, query="docs/runbooks", hide=model.VariableHide.HIDE_VARIABLE,
        current=model.VariableOption(text="docs/runbooks", value="docs/runbooks"), skip_url_sync=True,
    )


def instances(of):
    return query_variable("instance", "Instance", "One process each; All adds them up.", f'label_values({of}, instance)')


def links():
    """To the other dashboards, with the same time and the same choices, and to the runbooks."""
    others = (
        build.DashboardLink("contato")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .tooltip("The dashboards of contato")
        .icon("dashboard")
        .keep_time(True)
        .include_vars(True)
    )
    runbooks = (
        build.DashboardLink("Runbooks")
        .type(model.DashboardLinkType.LINK)
        .url("${runbooks}/README.md")
        .tooltip("What to do about each alert: docs/runbooks in the repository")
        .icon("doc")
        .target_blank(True)
    )
    return [others, runbooks]


def annotation(name, colour, expression, title, text):
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(colour)
        .expr(expression)
        .title_format(title)
        .text_format(text)
    )


def annotations():
    """What is drawn over each panel: alerts while they fire, and each start of a process with the version that it runs."""
    firing = series("ALERTS", None, 'alertstate="firing"', 'alertname!="Watchdog"')
    # Its value is a time in ms, and there it is drawn.
    of_roles = f'job=~"{ROLES}"'
    started = series("process_start_time_seconds", None, of_roles)
    version = series("contato_build_info")
    return [
        annotation("Alerts", "red", firing, "{{alertname}}", "{{severity}} {{job}} {{instance}}").step("60s"),
        annotation("Starts", "blue", f"{started} * 1000 * on (namespace, job, instance) group_left (version) {version}",
                   "{{job}} {{version}}", "{{instance}} started").use_value_for_time(True),
    ]


def placed(rows):
    """The panels, row by row, each where the one before it ends."""
    found, bottom = [], 0
    for title, panels in rows:
        found.append(model.RowPanel(title=title, grid_pos=model.GridPos(h=1, w=COLUMNS, x=0, y=bottom), panels=[]))
        left, top, height = 0, bottom + 1, 0
        for panel in (each.build() for each in panels):
            wide, high = panel.grid_pos.w, panel.grid_pos.h
            if left + wide > COLUMNS:
                left, top, height = 0, top + height, 0
            panel.grid_pos = model.GridPos(h=high, w=wide, x=left, y=top)
            left, height = left + wide, max(height, high)
            found.append(panel)
        bottom = top + height
    for number, panel in enumerate(found, 1):
        panel.id_val = number
    return found


def board(uid, title, description, rows, of, more=(), span="now-1h"):
    """A whole dashboard. `of` is a series that each namespace of contato has; `more` are variables of this one alone."""
    made = (
        build.Dashboard(f"contato / {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time(span, "now")
        .variables(variables(of, more))
        .annotations(annotations())
        .links(links())
        .build()
    )
    made.templating.list_val.append(runbooks())
    # In plain sight, where the library has them in a menu.
    for each in [*made.links, *made.annotations.list_val]:
        each.placement = None
    made.panels = placed(rows)
    return made


def query(number, target):
    """A query of a panel: an expression and what its series are called."""
    expression, legend = target
    return Dataquery().ref_id(chr(ord("A") + number)).expr(expression).legend_format(legend).range()
