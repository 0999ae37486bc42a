# scripts/aks-deploy and docs/azure.md read these (`terraform output -raw NAME`). None of them is a secret.

output "subscription_id" {
  description = "The subscription."
  value       = var.subscription_id
}

output "tenant_id" {
  description = "The directory: for SecretProviderClasses, and in auth.issuer."
  value       = local.tenant_id
}

output "resource_group" {
  description = "The resource group."
  value       = azurerm_resource_group.main.name
}

output "cluster_name" {
  description = "The cluster, for `az aks get-credentials`."
  value       = azurerm_kubernetes_cluster.main.name
}

output "pod_cidr" {
  description = "Addresses of pods: http.trustedProxies of contato behind the ingress controller."
  value       = var.pod_cidr
}

output "registry" {
  description = "The registry's name, for `az acr login`."
  value       = azurerm_container_registry.main.name
}

output "registry_server" {
  description = "What images' names begin with: image.registry of the chart."
  value       = azurerm_container_registry.main.login_server
}

output "vault_name" {
  description = "The vault, for SecretProviderClasses."
  value       = azurerm_key_vault.main.name
}

output "certificate_vault_name" {
  description = "The vault of the ingress's certificates, for kubernetes.azure.com/tls-cert-keyvault-uri."
  value       = azurerm_key_vault.certificates.name
}

output "identity_client_ids" {
  description = "The client id of each identity: producer-api, consumer-worker, dlq-function, setup, api-keys."
  value       = { for name, identity in azurerm_user_assigned_identity.roles : name => identity.client_id }
}

output "database_host" {
  description = "The database server's name: only in the network."
  value       = azurerm_postgresql_flexible_server.main.fqdn
}

output "database_network" {
  description = "The network of the database: what the chart's NetworkPolicies let out to it."
  value       = azurerm_subnet.database.address_prefixes[0]
}

output "auth_issuer" {
  description = "auth.issuer of contato."
  value       = "https://login.microsoftonline.com/${local.tenant_id}/v2.0"
}

output "auth_audience" {
  description = "auth.audience of contato."
  value       = azuread_application.api.client_id
}

output "console_client_id" {
  description = "dlqFunction.console.oidc.clientId."
  value       = azuread_application.console.client_id
}

output "api_hostname" {
  description = "The host of producer-api's Ingress, which API Management calls."
  value       = var.api_hostname
}

output "console_hostname" {
  description = "The host of the console's Ingress."
  value       = var.console_hostname
}

output "gateway_name" {
  description = "The API Management service."
  value       = azurerm_api_management.main.name
}

output "gateway_url" {
  description = "Where callers reach the API."
  value       = azurerm_api_management.main.gateway_url
}

output "function_app" {
  description = "The function app, for `func azure functionapp publish`; empty unless functions.enabled."
  value       = one(azurerm_linux_function_app.dlq[*].name)
}
