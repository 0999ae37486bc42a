"""Edits that break deploy/azure/terraform, each with what has to be said of it."""

# What stands in the files, what stands there instead, and a part of the line that this has to cause.
EDITS = [
    ("aks.tf", "= var.private_cluster\n", "= var.private_claster\n", "there is no var.private_claster"),
    ("aks.tf", "var.system_pool.vm_size", "var.system_pool.size", "var.system_pool has no size"),
    ("aks.tf", "local_account_disabled ", "local_accounts_disabled ", "local_accounts_disabled is no argument"),
    ("aks.tf", 'name                         = "system"\n', "", "main.default_node_pool: name is missing"),
    ("aks.tf", "kubelet_identity[0].object_id", "kubelet_identity[0].principal_id", "has no kubelet_identity.principal_id"),
    ("aks.tf", "azurerm_subnet.nodes.id\n  role", "azurerm_subnet.node.id\n  role", "there is no azurerm_subnet.node"),
    ("aks.tf", "  identity {\n    type         =", "  identity = {\n    type         =", "identity is a block, without ="),
    ("aks.tf", "zones                       = var.zones", 'zones                       = "1"', "zones is a list"),
    ("aks.tf", "  workload_autoscaler_profile {", "  key_vault_secrets_provider {\n  }\n  workload_autoscaler_profile {", "may be there once"),
    ("aks.tf", 'resource "azurerm_container_registry" "main"', 'resource "azurerm_registry" "main"', "no provider has azurerm_registry"),
    ("apim.tf", "local.tenant_id\n", "local.tenant\n", "there is no local.tenant"),
    ("apim.tf", "identity[0].principal_id", "identity[0].object_id", "has no identity.object_id"),
    ("entra.tf", "  app_role_assignment_required = true\n", "", "lets the whole directory sign in"),
    ("functions.tf", "azurerm_service_plan.functions[0].id", "azurerm_service_plan.functions.id", "is several, but not indexed"),
    ("identities.tf", "azurerm_user_assigned_identity.roles[each.value.identity].id", "azurerm_user_assigned_identity.roles[each.value.identity].ids", "has no ids"),
    ("main.tf", "locals {", "locals {\n  forgotten = 1", "nothing reads local.forgotten"),
    ("main.tf", 'data "azurerm_client_config" "current"', 'data "azurerm_client_config" "now"', "there is no data.azurerm_client_config.current"),
    ("monitoring.tf", "  criteria {", "  criterion {", "criterion is no argument"),
    ("network.tf", "each.value\n", "module.names.zone\n", "there are no modules"),
    ("outputs.tf", 'description = "The subscription."', 'description = ""', "subscription_id has no description"),
    ("variables.tf", 'variable "tags" {', 'variable "labels" {\n  type = string\n}\nvariable "tags" {', "nothing reads var.labels"),
    ("variables.tf", "  type        = map(string)\n", "", "tags has no type"),
    ("variables.tf", 'variable "tags" {', 'variable "tags" {\n}\nvariable "tags" {', "tags is there twice"),
    ("vault.tf", "{", "", "vault.tf cannot be read"),
    ("versions.tf", '"4.73.0"', '"4.72.0"', "azurerm is 4.72.0, but the schema is that of 4.73.0"),
    ("secrets.tf", '"contato-ids-ids-key" ', '"contato-ids-key" ', "dlq-function reads contato-ids-ids-key, which nobody makes"),
    ("identities.tf", '    "setup"           = ["contato:contato-setup"]\n', "", "setup is either no identity or reads nothing"),
    ("functions.tf", '"contato-ids-ids-key"', '"contato-ids-key"', "functions.tf: contato-ids-key is not made"),
    ("secrets.tf", '"contato-setup-store-url"]', '"contato-keda-host"]', "setup may read contato-keda-host, but mounts it nowhere"),
    ("apim.tf", 'secrets["contato-gateway-key"]', 'secrets["contato-gateway"]', "apim.tf: contato-gateway is not made"),
    ("outputs.tf", 'output "vault_name"', 'output "vault"', "scripts/aks-deploy reads vault_name, which is no output"),
    ("outputs.tf", "= var.subscription_id", "=    var.subscription_id", "is not laid out as terraform fmt does"),
]

# SecretProviderClasses, the same way: name, secret, file.
CLASSES = [
    ("contato-other", "contato-keda-host", "host", "is nobody's"),
    ("contato-consumer-worker", "contato-consumer-worker-url", "url", "contato-consumer-worker-url is not made"),
    ("contato-consumer-worker", "contato-dlq-function-store-url", "store-url", "consumer-worker may not read"),
    ("contato-consumer-worker", "contato-consumer-worker-store-url", "broker-url", "does not end so"),
]
