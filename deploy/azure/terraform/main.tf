data "azurerm_client_config" "current" {}

# Names of registries, vaults, servers and gateways are unique in all of Azure.
resource "random_id" "suffix" {
  byte_length = 3
}

resource "azurerm_resource_group" "main" {
  name     = var.name
  location = var.location
  tags     = local.tags
}

locals {
  suffix = random_id.suffix.hex
  tags   = merge({ application = "contato" }, var.tags)
}
