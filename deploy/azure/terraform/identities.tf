# What a pod is in Azure: its ServiceAccount's token is exchanged for the identity's. Each reads its own secrets, no more.
resource "azurerm_user_assigned_identity" "roles" {
  for_each            = local.accounts
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  tags                = local.tags
}

locals {
  # Which ServiceAccounts are which identity. The file of API keys is read by two roles through one SecretProviderClass, so it
  # has an identity of its own.
  accounts = {
    "producer-api"    = ["contato:contato-producer-api"]
    "consumer-worker" = ["contato:contato-consumer-worker"]
    "dlq-function"    = ["contato:contato-dlq-function"]
    "setup"           = ["contato:contato-setup"]
    "api-keys"        = ["contato:contato-producer-api", "contato:contato-dlq-function"]
  }

  federations = merge([
    for identity, accounts in local.accounts : {
      for account in accounts : "${identity}/${account}" => { identity = identity, account = account }
    }
  ]...)
}

resource "azurerm_federated_identity_credential" "roles" {
  for_each                  = local.federations
  name                      = replace(each.value.account, ":", "-")
  user_assigned_identity_id = azurerm_user_assigned_identity.roles[each.value.identity].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = azurerm_kubernetes_cluster.main.oidc_issuer_url
  subject                   = "system:serviceaccount:${each.value.account}"
}

locals {
  # Who reads which secrets: the files that each mounts. `setup` reads those of the services, too: it makes their users.
  readers = {
    "producer-api"    = concat(local.secrets_of["producer-api"], ["contato-ids-ids-key"])
    "consumer-worker" = concat(local.secrets_of["consumer-worker"], ["contato-ids-ids-key"])
    "dlq-function"    = concat(local.secrets_of["dlq-function"], ["contato-ids-ids-key"])
    "api-keys"        = ["contato-api-keys-keys-json"]
    "setup" = concat(
      local.secrets_of["setup"],
      [for role in local.services : "contato-${role}-broker-url"],
      [for role in local.services : "contato-${role}-store-url"],
    )
  }

  readings = merge([
    for reader, names in local.readers : { for name in names : "${reader}/${name}" => { reader = reader, name = name } }
  ]...)

  secret_ids = merge(
    { for name, secret in azurerm_key_vault_secret.secrets : name => secret.resource_versionless_id },
    { "contato-api-keys-keys-json" = azurerm_key_vault_secret.api_keys.resource_versionless_id },
  )
}

resource "azurerm_role_assignment" "readings" {
  for_each             = local.readings
  scope                = local.secret_ids[each.value.name]
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.roles[each.value.reader].principal_id
}
