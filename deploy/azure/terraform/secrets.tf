# Every secret of contato, made here and kept in Key Vault as NAME-KEY of the Secret that it is in Kubernetes (`.` as `-`).
# All of them are in the state as well: see backend.hcl.example.

locals {
  services = ["producer-api", "consumer-worker", "dlq-function"]

  # Which keys the Secret of each role has.
  secrets_of = {
    "producer-api"    = ["contato-producer-api-broker-url", "contato-producer-api-store-url", "contato-producer-api-gateway-key"]
    "consumer-worker" = ["contato-consumer-worker-broker-url", "contato-consumer-worker-store-url"]
    "dlq-function" = [
      "contato-dlq-function-broker-url",
      "contato-dlq-function-store-url",
      "contato-dlq-function-dead-letters-keys",
      "contato-dlq-function-oidc-client-secret",
    ]
    "setup" = ["contato-setup-broker-url", "contato-setup-broker-management-url", "contato-setup-store-url"]
  }
}

# Without special characters, since they stand in URLs.
resource "random_password" "broker" {
  for_each = toset(concat(local.services, ["admin", "keda", "trigger"]))
  length   = 40
  special  = false
}

resource "random_password" "store" {
  for_each = toset(local.services)
  length   = 40
  special  = false
}

resource "random_password" "gateway" {
  for_each = toset(var.gateway_keys)
  length   = 64
  special  = false
}

resource "random_password" "ids_key" {
  length  = 64
  special = false
}

resource "random_bytes" "dead_letters" {
  for_each = toset(var.dead_letters_keys)
  length   = 32
}

locals {
  store_host = "${azurerm_postgresql_flexible_server.main.fqdn}:5432"
  store_base = "${local.store_host}/${azurerm_postgresql_flexible_server_database.contato.name}?sslmode=verify-full"

  # The queue's password and the database's, each in the URL that a role is given.
  broker_urls = { for role in local.services : "contato-${role}-broker-url" =>
    "amqps://${role}:${random_password.broker[role].result}@${var.broker.host}:5671/${var.broker.vhost}"
  }
  store_urls = { for role in local.services : "contato-${role}-store-url" =>
    "postgres://${replace(role, "-", "_")}:${random_password.store[role].result}@${local.store_base}"
  }

  secrets = merge(local.broker_urls, local.store_urls, {
    "contato-producer-api-gateway-key"        = join(",", [for name in var.gateway_keys : random_password.gateway[name].result])
    "contato-dlq-function-dead-letters-keys"  = join(",", [for id in var.dead_letters_keys : "${id}:${random_bytes.dead_letters[id].hex}"])
    "contato-dlq-function-oidc-client-secret" = azuread_application_password.console.value
    "contato-setup-broker-url"                = "amqps://contato-admin:${random_password.broker["admin"].result}@${var.broker.host}:5671/${var.broker.vhost}"
    "contato-setup-broker-management-url"     = "https://contato-admin:${random_password.broker["admin"].result}@${var.broker.host}:15671"
    "contato-setup-store-url"                 = "postgres://${azurerm_postgresql_flexible_server.main.administrator_login}:${random_password.database_owner.result}@${local.store_base}"
    "contato-ids-ids-key"                     = random_password.ids_key.result
    "contato-keda-host"                       = "http://keda:${random_password.broker["keda"].result}@${var.broker.host}:15672/${var.broker.vhost}"
    # What API Management shows: one of those that producer-api takes.
    "contato-gateway-key" = random_password.gateway[var.gateway_keys[0]].result
    # For the RabbitmqCluster: its default user, which scripts/k8s-secrets brings into the cluster, like contato-keda-host.
    "contato-broker-admin-password" = random_password.broker["admin"].result
    },
    var.functions.enabled ? {
      "contato-functions-rabbitmq-connection" = "amqps://dlq-trigger:${random_password.broker["trigger"].result}@${var.functions.broker_host}:5671/${var.broker.vhost}"
      "contato-functions-broker-url"          = "amqps://dlq-function:${random_password.broker["dlq-function"].result}@${var.functions.broker_host}:5671/${var.broker.vhost}"
    } : {},
  )
}

resource "azurerm_key_vault_secret" "secrets" {
  # checkov:skip=CKV_AZURE_41: a secret that ends by itself would stop the services; docs/azure.md says how they are replaced
  for_each     = toset(keys(local.secrets))
  name         = each.key
  value        = local.secrets[each.key]
  content_type = "text/plain"
  key_vault_id = azurerm_key_vault.main.id
  tags         = local.tags

  depends_on = [azurerm_role_assignment.vault_writer]
}

# No key at first. `contato key create` makes some, people put the file here (docs/azure.md), and it stays theirs.
resource "azurerm_key_vault_secret" "api_keys" {
  # checkov:skip=CKV_AZURE_41: each key in the file has its own end
  name         = "contato-api-keys-keys-json"
  value        = jsonencode({ keys = [] })
  content_type = "application/json"
  key_vault_id = azurerm_key_vault.main.id
  tags         = local.tags

  lifecycle {
    ignore_changes = [value]
  }

  depends_on = [azurerm_role_assignment.vault_writer]
}
