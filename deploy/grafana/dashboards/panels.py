"""The kinds of panels that the dashboards are made of. Each takes a title, a sentence or two on what it shows and what would be
bad, a unit of Grafana's, and its queries: pairs of an expression and what its series are called."""

from grafana_foundation_sdk.builders import bargauge, common as build_common, dashboard as build, heatmap as build_heatmap
from grafana_foundation_sdk.builders import stat as build_stat, statetimeline, table as build_table, timeseries as build_timeseries
from grafana_foundation_sdk.models import common, dashboard as model, heatmap as model_heatmap, prometheus

from board import DATASOURCE, query

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"


def steps(base, *higher):
    """Colours: below all values, then from each value on."""
    found = [model.Threshold(value=None, color=base), *(model.Threshold(value=value, color=colour) for value, colour in higher)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def common_parts(panel, title, description, unit, targets, wide, high):
    panel.title(title).description(description).datasource(DATASOURCE).unit(unit)
    panel.grid_pos(model.GridPos(h=high, w=wide, x=0, y=0))
    return panel.targets([query(number, target) for number, target in enumerate(targets)])


def lines(title, description, unit, targets, *, wide=12, high=8, limits=(), stacked=False, least=0, most=None, logarithmic=False):
    """Values over time. `limits` are drawn as lines: what is above is bad."""
    panel = common_parts(build_timeseries.Panel(), title, description, unit, targets, wide, high)
    legend = build_common.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.BOTTOM)
    panel.legend(legend.show_legend(True).calcs(["lastNotNull", "max"]))
    panel.tooltip(build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    panel.line_width(1).show_points(common.VisibilityMode.NEVER).fill_opacity(60 if stacked else 10)
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    if stacked:
        panel.stacking(build_common.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if logarithmic:
        panel.scale_distribution(build_common.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))
    if limits:
        panel.thresholds(steps("transparent", *limits))
        panel.thresholds_style(build_common.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    return panel


def unstacked(panel, *names):
    """Series of a stacked panel that are lines over the others."""
    for name in names:
        panel.override_by_name(name, [
            model.DynamicConfigValue("custom.stacking", {"mode": "none", "group": "A"}),
            model.DynamicConfigValue("custom.fillOpacity", 0),
            model.DynamicConfigValue("custom.lineWidth", 2),
        ])
    return panel


def number(title, description, unit, expression, colours, *, wide=4, high=5, legend="", words=None, empty=None, graph=True):
    """One value, or one for each series, large and coloured. `words` are shown in the place of values."""
    panel = common_parts(build_stat.Panel(), title, description, unit, [(expression, legend)], wide, high)
    panel.thresholds(steps(*colours)).color_mode(common.BigValueColorMode.BACKGROUND)
    panel.graph_mode(common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE)
    panel.reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]))
    if words:
        panel.mappings([named(words)])
    if empty:
        panel.no_value(empty)
    return panel


def named(words):
    options = {str(value): model.ValueMappingResult(text=text, color=colour, index=place)
               for place, (value, (text, colour)) in enumerate(words.items())}
    return model.ValueMap(options=options)


def bars(title, description, unit, targets, colours, *, wide=12, high=8, least=0, most=1):
    """One bar for each series, between two bounds."""
    panel = common_parts(bargauge.Panel(), title, description, unit, targets, wide, high)
    panel.min(least).max(most).thresholds(steps(*colours)).orientation(common.VizOrientation.HORIZONTAL)
    panel.display_mode(common.BarGaugeDisplayMode.BASIC).value_mode(common.BarGaugeValueMode.COLOR)
    return panel.reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]))


def states(title, description, targets, words, *, wide=12, high=6):
    """Which state held when."""
    panel = common_parts(statetimeline.Panel(), title, description, "none", targets, wide, high)
    panel.mappings([named(words)]).merge_values(True).show_value(common.VisibilityMode.AUTO)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)).thresholds(steps(GREY))
    return panel


def heat(title, description, unit, expression, *, wide=12, high=9):
    """A histogram over time: `expression` gives its buckets, by `le`."""
    panel = common_parts(build_heatmap.Panel(), title, description, "short", [], wide, high)
    target = query(0, (expression, "{{le}}")).format(prometheus.PromQueryFormat.HEATMAP)
    panel.with_target(target).calculate(False).cell_gap(1)
    panel.y_axis(build_heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
    panel.color(build_heatmap.HeatmapColorOptions().mode(model_heatmap.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64).reverse(False))
    return panel.tooltip(build_heatmap.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE))


def rows_of(title, description, unit, targets, columns, *, hidden=(), wide=12, high=8, order=None):
    """A table of what holds at the end of the time shown, a row for each set of labels. `columns` are labels, by what they are
    called, and then the values of the queries, `Value #A` and so on (`Value` if there is but one query)."""
    panel = common_parts(build_table.Panel(), title, description, unit, [], wide, high)
    for place, target in enumerate(targets):
        panel.with_target(query(place, target).format(prometheus.PromQueryFormat.TABLE).instant())
    if len(targets) > 1:
        panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    options = {
        "excludeByName": {name: True for name in ["Time", *hidden]},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "renameByName": columns,
    }
    panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=options))
    if order:
        panel.sort_by([build_common.TableSortByFieldState().display_name(order).desc(True)])
    return panel


def alert_list(title, description, *, wide=12, high=9):
    """Grafana's list of the alerts that Prometheus has. The library has no builder for it."""
    options = {
        "viewMode": "list", "groupMode": "default", "groupBy": [], "maxItems": 50, "sortOrder": 3, "dashboardAlerts": False,
        "alertName": "", "alertInstanceLabelFilter": "", "folder": None,
        "stateFilter": {"firing": True, "pending": True, "recovering": True, "noData": False, "normal": False, "error": True},
    }
    panel = build.Panel().type("alertlist").title(title).description(description).datasource(DATASOURCE)
    return panel.grid_pos(model.GridPos(h=high, w=wide, x=0, y=0)).options(options)
