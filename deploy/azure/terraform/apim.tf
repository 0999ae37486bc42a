locals {
  apim_consumption = startswith(var.apim_sku, "Consumption_")
  tenant_id        = data.azurerm_client_config.current.tenant_id
}

resource "azurerm_api_management" "main" {
  # checkov:skip=CKV_AZURE_107: callers come from the internet, which this is the door for; a network of its own is for Developer and Premium
  # checkov:skip=CKV_AZURE_174: as CKV_AZURE_107
  name                = "${var.name}-${local.suffix}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  publisher_name      = var.publisher_name
  publisher_email     = var.publisher_email
  sku_name            = var.apim_sku
  min_api_version     = "2021-08-01"
  tags                = local.tags

  identity {
    type = "SystemAssigned"
  }
}

# It reads the one secret that it shows producer-api.
resource "azurerm_role_assignment" "apim_gateway_key" {
  scope                = local.secret_ids["contato-gateway-key"]
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_api_management.main.identity[0].principal_id
}

resource "azurerm_api_management_named_value" "gateway_key" {
  name                = "contato-gateway-key"
  display_name        = "contato-gateway-key"
  resource_group_name = azurerm_resource_group.main.name
  api_management_name = azurerm_api_management.main.name
  secret              = true

  value_from_key_vault {
    secret_id = azurerm_key_vault_secret.secrets["contato-gateway-key"].versionless_id
  }

  depends_on = [azurerm_role_assignment.apim_gateway_key]
}

# What deploy/azure/apim/*.xml leave open.
resource "azurerm_api_management_named_value" "values" {
  for_each = {
    "contato-audience"       = azuread_application.api.client_id
    "contato-calls-a-minute" = tostring(var.apim_calls_a_minute)
    "contato-tenant-id"      = local.tenant_id
  }
  name                = each.key
  display_name        = each.key
  resource_group_name = azurerm_resource_group.main.name
  api_management_name = azurerm_api_management.main.name
  value               = each.value
}

resource "azurerm_api_management_api" "contacts" {
  name                  = "contato"
  display_name          = "contato: contacts"
  resource_group_name   = azurerm_resource_group.main.name
  api_management_name   = azurerm_api_management.main.name
  revision              = "1"
  path                  = var.apim_path
  protocols             = ["https"]
  service_url           = "https://${var.api_hostname}"
  subscription_required = true

  import {
    content_format = "openapi+json"
    content_value  = file("${path.module}/../../../producer-api/openapi.apim.json")
  }
}

resource "azurerm_api_management_api_policy" "contacts" {
  api_name            = azurerm_api_management_api.contacts.name
  resource_group_name = azurerm_resource_group.main.name
  api_management_name = azurerm_api_management.main.name
  xml_content         = file("${path.module}/../apim/${local.apim_consumption ? "policy.consumption.xml" : "policy.xml"}")

  depends_on = [
    azurerm_api_management_named_value.gateway_key,
    azurerm_api_management_named_value.values,
  ]
}

# What subscriptions are for. Who gets one is decided in the portal.
resource "azurerm_api_management_product" "contato" {
  product_id            = "contato"
  display_name          = "contato"
  resource_group_name   = azurerm_resource_group.main.name
  api_management_name   = azurerm_api_management.main.name
  subscription_required = true
  approval_required     = true
  subscriptions_limit   = 1
  published             = true
}

resource "azurerm_api_management_product_api" "contato" {
  product_id          = azurerm_api_management_product.contato.product_id
  api_name            = azurerm_api_management_api.contacts.name
  resource_group_name = azurerm_resource_group.main.name
  api_management_name = azurerm_api_management.main.name
}

resource "azurerm_application_insights" "apim" {
  name                          = "${var.name}-gateway"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.location
  application_type              = "web"
  workspace_id                  = azurerm_log_analytics_workspace.main.id
  retention_in_days             = 90
  disable_ip_masking            = false
  local_authentication_disabled = false
  tags                          = local.tags
}

resource "azurerm_api_management_logger" "main" {
  name                = "application-insights"
  resource_group_name = azurerm_resource_group.main.name
  api_management_name = azurerm_api_management.main.name
  resource_id         = azurerm_application_insights.apim.id

  application_insights {
    connection_string = azurerm_application_insights.apim.connection_string
  }
}

# Who called what and how it went: no bodies, no headers, no query (it has names, phones, e-mail addresses), no addresses.
resource "azurerm_api_management_api_diagnostic" "contacts" {
  identifier                = "applicationinsights"
  resource_group_name       = azurerm_resource_group.main.name
  api_management_name       = azurerm_api_management.main.name
  api_name                  = azurerm_api_management_api.contacts.name
  api_management_logger_id  = azurerm_api_management_logger.main.id
  sampling_percentage       = 100
  always_log_errors         = true
  log_client_ip             = false
  http_correlation_protocol = "W3C"
  verbosity                 = "error"
  operation_name_format     = "Name"

  frontend_request {
    body_bytes = 0

    data_masking {
      query_params {
        mode  = "Hide"
        value = "*"
      }
    }
  }

  frontend_response {
    body_bytes = 0
  }

  backend_request {
    body_bytes = 0

    data_masking {
      query_params {
        mode  = "Hide"
        value = "*"
      }
    }
  }

  backend_response {
    body_bytes = 0
  }
}
