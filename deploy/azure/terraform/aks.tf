resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.name}-cluster"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  tags                = local.tags
}

# For the load balancers that the cluster puts into the subnet.
resource "azurerm_role_assignment" "cluster_network" {
  scope                = azurerm_subnet.nodes.id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.cluster.principal_id
}

resource "azurerm_kubernetes_cluster" "main" {
  # checkov:skip=CKV_AZURE_115: private with private_cluster=true; otherwise only authorized_ip_ranges reach the API
  # checkov:skip=CKV_AZURE_117: platform keys encrypt the disks; a key of one's own is the owner's decision
  # checkov:skip=CKV_AZURE_226: the system pool's disks are ephemeral, see os_disk_type
  name                      = var.name
  resource_group_name       = azurerm_resource_group.main.name
  location                  = var.location
  dns_prefix                = "${var.name}-${local.suffix}"
  kubernetes_version        = var.kubernetes_version
  sku_tier                  = "Standard"
  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"
  tags                      = local.tags

  # People come by Entra ID, pods by workload identity; nobody by a certificate.
  local_account_disabled            = true
  role_based_access_control_enabled = true
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  run_command_enabled               = false
  azure_policy_enabled              = true
  private_cluster_enabled           = var.private_cluster
  image_cleaner_enabled             = true
  image_cleaner_interval_hours      = 168

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled     = true
    tenant_id              = data.azurerm_client_config.current.tenant_id
    admin_group_object_ids = var.cluster_admin_group_ids
  }

  dynamic "api_server_access_profile" {
    for_each = var.private_cluster ? [] : [var.authorized_ip_ranges]

    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }

  default_node_pool {
    name                         = "system"
    vm_size                      = var.system_pool.vm_size
    zones                        = var.zones
    vnet_subnet_id               = azurerm_subnet.nodes.id
    auto_scaling_enabled         = true
    min_count                    = var.system_pool.min_count
    max_count                    = var.system_pool.max_count
    max_pods                     = 60
    only_critical_addons_enabled = true
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = 64
    host_encryption_enabled      = true
    temporary_name_for_rotation  = "systemtmp"
    tags                         = local.tags

    upgrade_settings {
      max_surge = "33%"
    }
  }

  # Cilium enforces the NetworkPolicies of the chart.
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    load_balancer_sku   = "standard"
    pod_cidr            = var.pod_cidr
    service_cidr        = var.service_cidr
    dns_service_ip      = cidrhost(var.service_cidr, 10)
  }

  # The CSI driver and its provider: SecretProviderClasses.
  key_vault_secrets_provider {
    secret_rotation_enabled  = true
    secret_rotation_interval = "2m"
  }

  # The ingress controller, in the namespace app-routing-system.
  web_app_routing {
    dns_zone_ids = []
  }

  workload_autoscaler_profile {
    keda_enabled = true
  }

  # Container Insights.
  oms_agent {
    log_analytics_workspace_id      = azurerm_log_analytics_workspace.main.id
    msi_auth_for_monitoring_enabled = true
  }

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    duration    = 4
    day_of_week = "Sunday"
    start_time  = "06:00"
    utc_offset  = "+00:00"
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    duration    = 4
    day_of_week = "Saturday"
    start_time  = "06:00"
    utc_offset  = "+00:00"
  }

  depends_on = [azurerm_role_assignment.cluster_network]
}

resource "azurerm_kubernetes_cluster_node_pool" "work" {
  name                        = "work"
  kubernetes_cluster_id       = azurerm_kubernetes_cluster.main.id
  mode                        = "User"
  vm_size                     = var.work_pool.vm_size
  zones                       = var.zones
  vnet_subnet_id              = azurerm_subnet.nodes.id
  auto_scaling_enabled        = true
  min_count                   = var.work_pool.min_count
  max_count                   = var.work_pool.max_count
  max_pods                    = 60
  os_disk_type                = "Ephemeral"
  os_disk_size_gb             = 100
  host_encryption_enabled     = true
  temporary_name_for_rotation = "worktmp"
  tags                        = local.tags

  upgrade_settings {
    max_surge = "33%"
  }
}

resource "azurerm_container_registry" "main" {
  # checkov:skip=CKV_AZURE_139: nodes and pipelines reach it at its public name, with identities only; a private endpoint is for Premium
  # checkov:skip=CKV_AZURE_163: scanning at push is Defender's, for the whole subscription
  # checkov:skip=CKV_AZURE_164: content trust ends in 2028; CI signs nothing, images are pinned by digest
  # checkov:skip=CKV_AZURE_165: one region, like everything else
  # checkov:skip=CKV_AZURE_166: quarantine is for Premium
  # checkov:skip=CKV_AZURE_167: retention of untagged manifests is for Premium
  # checkov:skip=CKV_AZURE_233: zone redundancy comes with the tier, in every region that has zones
  # checkov:skip=CKV_AZURE_237: data endpoints are for Premium
  name                   = "${var.name}${local.suffix}"
  resource_group_name    = azurerm_resource_group.main.name
  location               = var.location
  sku                    = var.registry_sku
  admin_enabled          = false
  anonymous_pull_enabled = false
  tags                   = local.tags
}

resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_container_registry.main.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_kubernetes_cluster.main.kubelet_identity[0].object_id
}
