# dlq-function as a function app, for those whose platform that is (dlq-function/azure/README.md). The program itself is
# published with `func azure functionapp publish`.

locals {
  functions = var.functions.enabled ? 1 : 0

  # Settings of the app and the secrets that they refer to.
  functions_secrets = {
    RabbitMQConnection          = "contato-functions-rabbitmq-connection"
    CONTATO__BROKER__URL        = "contato-functions-broker-url"
    CONTATO__STORE__URL         = "contato-dlq-function-store-url"
    CONTATO__IDS__KEY           = "contato-ids-ids-key"
    CONTATO__DEAD_LETTERS__KEYS = "contato-dlq-function-dead-letters-keys"
  }
}

resource "azurerm_user_assigned_identity" "functions" {
  count               = local.functions
  name                = "${var.name}-functions"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_role_assignment" "functions_secrets" {
  for_each             = var.functions.enabled ? local.functions_secrets : {}
  scope                = local.secret_ids[each.value]
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.functions[0].principal_id
}

resource "azurerm_storage_account" "functions" {
  # checkov:skip=CKV_AZURE_33: its queues are the host's own; contato has none there
  # checkov:skip=CKV_AZURE_59: the host of Elastic Premium mounts its share at the public name
  # checkov:skip=CKV2_AZURE_1: the program and the host's own state are in it, no contacts; platform keys encrypt them
  # checkov:skip=CKV2_AZURE_33: as CKV_AZURE_59
  # checkov:skip=CKV2_AZURE_38: nothing in it has to be brought back: the program is published again
  # checkov:skip=CKV2_AZURE_40: the host of Elastic Premium mounts its share with the account's key
  # checkov:skip=CKV_AZURE_206: as CKV2_AZURE_38
  count                           = local.functions
  name                            = "${var.name}fn${local.suffix}"
  resource_group_name             = azurerm_resource_group.main.name
  location                        = var.location
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  shared_access_key_enabled       = true
  tags                            = local.tags

  sas_policy {
    expiration_period = "01.00:00:00"
    expiration_action = "Log"
  }
}

resource "azurerm_service_plan" "functions" {
  # checkov:skip=CKV_AZURE_225: dead letters wait in the queue while a zone is down
  # checkov:skip=CKV_AZURE_212: as CKV_AZURE_225
  count                        = local.functions
  name                         = "${var.name}-functions"
  resource_group_name          = azurerm_resource_group.main.name
  location                     = var.location
  os_type                      = "Linux"
  sku_name                     = "EP1"
  maximum_elastic_worker_count = 3
  tags                         = local.tags
}

resource "azurerm_linux_function_app" "dlq" {
  # checkov:skip=CKV_AZURE_221: GET /api/contacts is asked from outside, with a function key
  count                                          = local.functions
  name                                           = "${var.name}-dlq-${local.suffix}"
  resource_group_name                            = azurerm_resource_group.main.name
  location                                       = var.location
  service_plan_id                                = azurerm_service_plan.functions[0].id
  storage_account_name                           = azurerm_storage_account.functions[0].name
  storage_account_access_key                     = azurerm_storage_account.functions[0].primary_access_key
  virtual_network_subnet_id                      = azurerm_subnet.functions.id
  key_vault_reference_identity_id                = azurerm_user_assigned_identity.functions[0].id
  functions_extension_version                    = "~4"
  https_only                                     = true
  builtin_logging_enabled                        = false
  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false
  tags                                           = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.functions[0].id]
  }

  site_config {
    minimum_tls_version               = "1.2"
    scm_minimum_tls_version           = "1.2"
    ftps_state                        = "Disabled"
    http2_enabled                     = true
    vnet_route_all_enabled            = true
    runtime_scale_monitoring_enabled  = true
    elastic_instance_minimum          = 1
    pre_warmed_instance_count         = 1
    remote_debugging_enabled          = false
    use_32_bit_worker                 = false
    health_check_path                 = "/"
    health_check_eviction_time_in_min = 5

    application_stack {
      use_custom_runtime = true
    }
  }

  app_settings = merge(
    {
      FUNCTIONS_WORKER_RUNTIME      = "Custom"
      CONTATO__BROKER__CA_FILE      = "/home/site/wwwroot/broker-ca.crt"
      WEBSITE_RUN_FROM_PACKAGE      = "1"
      CONTATO__LOG__FORMAT          = "json"
      AzureFunctionsWebHost__hostid = "${var.name}-dlq"
    },
    {
      for setting, secret in local.functions_secrets :
      setting => "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault_secret.secrets[secret].versionless_id})"
    },
  )

  depends_on = [azurerm_role_assignment.functions_secrets]
}
