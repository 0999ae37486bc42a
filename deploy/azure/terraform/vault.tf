resource "azurerm_key_vault" "main" {
  # checkov:skip=CKV_AZURE_189: pods come by the private endpoint; authorized_ip_ranges and Microsoft's own services (API Management) by the firewall
  name                          = "${var.name}-${local.suffix}"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.location
  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = true
  tags                          = local.tags

  network_acls {
    bypass         = "AzureServices"
    default_action = "Deny"
    ip_rules       = var.authorized_ip_ranges
  }
}

resource "azurerm_private_endpoint" "vault" {
  name                = "${var.name}-vault"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  subnet_id           = azurerm_subnet.endpoints.id
  tags                = local.tags

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = azurerm_key_vault.main.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "vault"
    private_dns_zone_ids = [azurerm_private_dns_zone.zones["vault"].id]
  }
}

# Whoever runs this writes the secrets.
resource "azurerm_role_assignment" "vault_writer" {
  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

# Certificates of the ingress have a vault of their own: whoever reads a certificate with its key reads secrets, and the ingress
# controller has no business with contato's.
resource "azurerm_key_vault" "certificates" {
  # checkov:skip=CKV_AZURE_189: as of the other vault; nodes come by the service endpoint of their subnet
  # checkov:skip=CKV2_AZURE_32: as CKV_AZURE_189
  name                          = "${var.name}-tls-${local.suffix}"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.location
  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = true
  tags                          = local.tags

  network_acls {
    bypass                     = "AzureServices"
    default_action             = "Deny"
    ip_rules                   = var.authorized_ip_ranges
    virtual_network_subnet_ids = [azurerm_subnet.nodes.id]
  }
}

resource "azurerm_role_assignment" "certificates_writer" {
  scope                = azurerm_key_vault.certificates.id
  role_definition_name = "Key Vault Certificates Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

resource "azurerm_role_assignment" "certificates_reader" {
  scope                = azurerm_key_vault.certificates.id
  role_definition_name = "Key Vault Certificate User"
  principal_id         = azurerm_kubernetes_cluster.main.web_app_routing[0].web_app_routing_identity[0].object_id
}
