resource "random_password" "database_owner" {
  length  = 40
  special = false
}

resource "azurerm_postgresql_flexible_server" "main" {
  # checkov:skip=CKV2_AZURE_57: it is in the network itself (delegated_subnet_id) and has no public address
  name                          = "${var.name}-${local.suffix}"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.location
  version                       = var.postgres.version
  sku_name                      = var.postgres.sku_name
  storage_mb                    = var.postgres.storage_mb
  auto_grow_enabled             = true
  delegated_subnet_id           = azurerm_subnet.database.id
  private_dns_zone_id           = azurerm_private_dns_zone.zones["postgres"].id
  public_network_access_enabled = false
  administrator_login           = "contato_owner"
  administrator_password        = random_password.database_owner.result
  backup_retention_days         = 35
  geo_redundant_backup_enabled  = var.geo_redundant_backup
  zone                          = var.zones[0]
  tags                          = local.tags

  high_availability {
    mode                      = "ZoneRedundant"
    standby_availability_zone = var.zones[1]
  }

  maintenance_window {
    day_of_week  = 0
    start_hour   = 3
    start_minute = 0
  }

  lifecycle {
    prevent_destroy = true
    # A failover exchanges the two.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }

  depends_on = [
    azurerm_private_dns_zone_virtual_network_link.zones,
    azurerm_subnet_network_security_group_association.database,
  ]
}

resource "azurerm_postgresql_flexible_server_database" "contato" {
  name      = "contato"
  server_id = azurerm_postgresql_flexible_server.main.id
  charset   = "UTF8"
  collation = "en_US.utf8"

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_postgresql_flexible_server_configuration" "settings" {
  for_each = {
    require_secure_transport = "on"
    ssl_min_protocol_version = "TLSv1.2"
  }
  name      = each.key
  server_id = azurerm_postgresql_flexible_server.main.id
  value     = each.value
}
