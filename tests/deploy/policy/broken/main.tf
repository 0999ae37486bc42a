# A cluster without a log, and an exception without a reason.
resource "azurerm_kubernetes_cluster" "broken" {
  #checkov:skip=CKV_AZURE_115:no
  name                = "broken"
  location            = "brazilsouth"
  resource_group_name = "broken"
  dns_prefix          = "broken"
}
