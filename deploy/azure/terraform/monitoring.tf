resource "azurerm_log_analytics_workspace" "main" {
  name                = "${var.name}-logs"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  sku                 = "PerGB2018"
  retention_in_days   = var.log_retention_days
  tags                = local.tags
}

# Container Insights: what containers write outlives their pods.
resource "azurerm_monitor_data_collection_rule" "containers" {
  name                = "${var.name}-containers"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  kind                = "Linux"
  tags                = local.tags

  destinations {
    log_analytics {
      name                  = "logs"
      workspace_resource_id = azurerm_log_analytics_workspace.main.id
    }
  }

  data_flow {
    streams      = local.container_streams
    destinations = ["logs"]
  }

  data_sources {
    extension {
      name           = "ContainerInsightsExtension"
      extension_name = "ContainerInsights"
      streams        = local.container_streams
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Off"
          enableContainerLogV2   = true
        }
      })
    }
  }
}

resource "azurerm_monitor_data_collection_rule_association" "containers" {
  name                    = "ContainerInsightsExtension"
  target_resource_id      = azurerm_kubernetes_cluster.main.id
  data_collection_rule_id = azurerm_monitor_data_collection_rule.containers.id
}

locals {
  container_streams = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory"]

  # Who did what to each resource. The database's and the gateway's logs of statements and requests would have personal data.
  audited = {
    vault   = { id = azurerm_key_vault.main.id, categories = ["AuditEvent"] }
    cluster = { id = azurerm_kubernetes_cluster.main.id, categories = ["kube-audit-admin", "guard"] }
  }
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  for_each                   = local.audited
  name                       = "audit"
  target_resource_id         = each.value.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = each.value.categories

    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_monitor_action_group" "main" {
  name                = var.name
  resource_group_name = azurerm_resource_group.main.name
  short_name          = substr(var.name, 0, 12)
  tags                = local.tags

  email_receiver {
    name                    = "people"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

# What the cluster's own Prometheus cannot see, or cannot tell while the cluster is down. contato's alerts are in Prometheus.
locals {
  alerts = {
    database-down = {
      description = "PostgreSQL does not answer."
      scope       = azurerm_postgresql_flexible_server.main.id
      namespace   = "Microsoft.DBforPostgreSQL/flexibleServers"
      metric      = "is_db_alive", aggregation = "Maximum", operator = "LessThan", threshold = 1, severity = 0
    }
    database-storage = {
      description = "PostgreSQL has used 80 % of its storage."
      scope       = azurerm_postgresql_flexible_server.main.id
      namespace   = "Microsoft.DBforPostgreSQL/flexibleServers"
      metric      = "storage_percent", aggregation = "Average", operator = "GreaterThan", threshold = 80, severity = 1
    }
    nodes-disk = {
      description = "A node has used 85 % of its disk."
      scope       = azurerm_kubernetes_cluster.main.id
      namespace   = "Microsoft.ContainerService/managedClusters"
      metric      = "node_disk_usage_percentage", aggregation = "Maximum", operator = "GreaterThan", threshold = 85, severity = 1
    }
    vault-refuses = {
      description = "Key Vault answers less than 99 % of requests."
      scope       = azurerm_key_vault.main.id
      namespace   = "Microsoft.KeyVault/vaults"
      metric      = "Availability", aggregation = "Average", operator = "LessThan", threshold = 99, severity = 1
    }
  }
}

resource "azurerm_monitor_metric_alert" "alerts" {
  for_each            = local.alerts
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  description         = each.value.description
  scopes              = [each.value.scope]
  severity            = each.value.severity
  frequency           = "PT1M"
  window_size         = "PT5M"
  tags                = local.tags

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.main.id
  }
}

resource "azurerm_monitor_metric_alert" "gateway" {
  name                = "${var.name}-gateway-errors"
  resource_group_name = azurerm_resource_group.main.name
  description         = "API Management answers with 5xx: over 20 in five minutes."
  scopes              = [azurerm_api_management.main.id]
  severity            = 1
  frequency           = "PT1M"
  window_size         = "PT5M"
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.ApiManagement/service"
    metric_name      = "Requests"
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = 20

    dimension {
      name     = "GatewayResponseCodeCategory"
      operator = "Include"
      values   = ["5xx"]
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.main.id
  }
}
