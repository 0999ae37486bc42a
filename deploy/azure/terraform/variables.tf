variable "subscription_id" {
  description = "The subscription that everything is made in."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id is a UUID in lower case."
  }
}

variable "name" {
  description = "What the names of all resources begin with."
  type        = string
  default     = "contato"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.name))
    error_message = "name has 3 to 12 lower-case letters and digits and begins with a letter."
  }
}

variable "location" {
  description = "The region, one with three availability zones."
  type        = string
  default     = "brazilsouth"
}

variable "tags" {
  description = "Tags of all resources, besides application=contato."
  type        = map(string)
  default     = {}
}

variable "authorized_ip_ranges" {
  description = "Networks (CIDR) from which people and pipelines reach the Kubernetes API, and write to Key Vault."
  type        = list(string)

  validation {
    condition = length(var.authorized_ip_ranges) > 0 && alltrue([
      for range in var.authorized_ip_ranges : can(cidrhost(range, 0)) && !endswith(range, "/0")
    ])
    error_message = "authorized_ip_ranges has at least one network, and none that is everybody."
  }
}

variable "private_cluster" {
  description = "Whether the Kubernetes API has no public address; whoever deploys then needs a way into the network."
  type        = bool
  default     = false
}

variable "cluster_admin_group_ids" {
  description = "Object ids of Entra ID groups whose members administer the cluster. There are no local accounts."
  type        = list(string)

  validation {
    condition     = length(var.cluster_admin_group_ids) > 0
    error_message = "cluster_admin_group_ids has at least one group: without it nobody could get in."
  }
}

variable "kubernetes_version" {
  description = "The minor version of Kubernetes; patches come by themselves. The newest that AKS recommends unless set."
  type        = string
  default     = null
}

variable "zones" {
  description = "Availability zones of nodes and of the database."
  type        = list(string)
  default     = ["1", "2", "3"]

  validation {
    condition     = length(var.zones) >= 2
    error_message = "zones has at least two: the database keeps its standby in another one."
  }
}

variable "system_pool" {
  description = "Nodes of Kubernetes itself: size of the machines, the least and the most of them."
  type        = object({ vm_size = string, min_count = number, max_count = number })
  default     = { vm_size = "Standard_D2ds_v5", min_count = 2, max_count = 3 }

  validation {
    condition     = var.system_pool.min_count >= 2 && var.system_pool.max_count >= var.system_pool.min_count
    error_message = "system_pool has at least two nodes, and max_count is not below min_count."
  }
}

variable "work_pool" {
  description = "Nodes of contato and RabbitMQ. Three at least: the broker's three replicas are on different nodes."
  type        = object({ vm_size = string, min_count = number, max_count = number })
  default     = { vm_size = "Standard_D4ds_v5", min_count = 3, max_count = 6 }

  validation {
    condition     = var.work_pool.min_count >= 3 && var.work_pool.max_count >= var.work_pool.min_count
    error_message = "work_pool has at least three nodes, and max_count is not below min_count."
  }
}

variable "address_space" {
  description = "The network (a /16), cut into subnets by network.tf."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrhost(var.address_space, 0)) && endswith(var.address_space, "/16")
    error_message = "address_space is a network with /16."
  }
}

variable "pod_cidr" {
  description = "Addresses of pods (overlay). Contato's http.trustedProxies is this: the ingress controller is a pod."
  type        = string
  default     = "10.244.0.0/16"
}

variable "service_cidr" {
  description = "Addresses of Services."
  type        = string
  default     = "10.245.0.0/16"
}

variable "registry_sku" {
  description = "Tier of the container registry."
  type        = string
  default     = "Standard"

  validation {
    condition     = contains(["Basic", "Standard", "Premium"], var.registry_sku)
    error_message = "registry_sku is Basic, Standard or Premium."
  }
}

variable "postgres" {
  description = "The database server: size, storage, version. High availability needs a size that begins with GP_ or MO_."
  type        = object({ sku_name = string, storage_mb = number, version = string })
  default     = { sku_name = "GP_Standard_D2ds_v5", storage_mb = 65536, version = "17" }

  validation {
    condition     = can(regex("^(GP|MO)_", var.postgres.sku_name))
    error_message = "postgres.sku_name begins with GP_ or MO_: the burstable sizes have no standby."
  }
}

variable "geo_redundant_backup" {
  description = "Whether backups are kept in the paired region, too: for brazilsouth that is outside Brazil. Only a new server can change it."
  type        = bool
  default     = true
}

variable "broker" {
  description = "Where RabbitMQ is for pods: host and virtual host, as they stand in URLs."
  type        = object({ host = string, vhost = string })
  default     = { host = "rabbitmq.contato.svc", vhost = "%2f" }
}

variable "api_hostname" {
  description = "The name at which the cluster's ingress answers for producer-api. Callers use API Management's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.api_hostname))
    error_message = "api_hostname is a name such as contato-origin.example.com, without scheme and path."
  }
}

variable "console_hostname" {
  description = "The name at which people reach the console, and to which Entra ID sends them back."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.console_hostname))
    error_message = "console_hostname is a name such as console.example.com, without scheme and path."
  }
}

variable "apim_sku" {
  description = "Tier and units of API Management. Consumption_0 is paid by the call and has rate-limit, not rate-limit-by-key."
  type        = string
  default     = "Basic_1"

  validation {
    condition     = can(regex("^(Consumption_0|Developer_1|(Basic|Standard|Premium)_[1-9][0-9]?)$", var.apim_sku))
    error_message = "apim_sku is Consumption_0, Developer_1, or Basic, Standard or Premium with _ and units."
  }
}

variable "apim_path" {
  description = "What addresses begin with behind API Management's name; empty is as producer-api has them."
  type        = string
  default     = ""
}

variable "apim_calls_a_minute" {
  description = "Calls a minute that a subscription has at API Management."
  type        = number
  default     = 600

  validation {
    condition     = var.apim_calls_a_minute >= 1 && floor(var.apim_calls_a_minute) == var.apim_calls_a_minute
    error_message = "apim_calls_a_minute is a whole number above 0."
  }
}

variable "gateway_keys" {
  description = "Names of the gateway's keys. The first is shown, all are taken: to replace it, put another behind, then in front, then alone."
  type        = list(string)
  default     = ["1"]

  validation {
    condition     = contains([1, 2], length(distinct(var.gateway_keys))) && length(distinct(var.gateway_keys)) == length(var.gateway_keys)
    error_message = "gateway_keys has one name, or two different ones."
  }
}

variable "dead_letters_keys" {
  description = "Ids of the keys that payloads of dead letters are encrypted with. The first encrypts; the others are kept for what is older."
  type        = list(string)
  default     = ["1"]

  validation {
    condition     = length(var.dead_letters_keys) > 0 && alltrue([for id in var.dead_letters_keys : can(regex("^[a-z0-9-]+$", id))])
    error_message = "dead_letters_keys has at least one id, of lower-case letters, digits and hyphens."
  }
}

variable "publisher_name" {
  description = "Who publishes the API: shown to those who use it."
  type        = string
}

variable "publisher_email" {
  description = "The publisher's address: API Management writes there."
  type        = string
}

variable "alert_email" {
  description = "Where alerts go."
  type        = string
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "log_retention_days is 30 to 730."
  }
}

variable "functions" {
  description = "dlq-function as an Azure Functions app (dlq-function/azure); off unless enabled. broker_host is the broker's internal load balancer."
  type        = object({ enabled = bool, broker_host = string })
  default     = { enabled = false, broker_host = "" }

  validation {
    condition     = !var.functions.enabled || var.functions.broker_host != ""
    error_message = "functions.broker_host is needed: a function app is outside the cluster."
  }
}
