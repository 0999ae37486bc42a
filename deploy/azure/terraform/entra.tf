# contato as an application of the directory, as docs/access.md describes it: people get scopes, programs get roles.

locals {
  scopes = {
    "contacts.read"       = "Read contacts"
    "contacts.write"      = "Create, change, delete and import contacts"
    "dead-letters.read"   = "Read dead letters, personal data masked"
    "dead-letters.replay" = "Send dead letters again, archive and discard them"
    "dead-letters.edit"   = "Correct dead letters before they are sent again"
    "dead-letters.reveal" = "See the personal data of dead letters"
    "audit.read"          = "Read the audit"
  }
}

resource "random_uuid" "scopes" {
  for_each = local.scopes
}

resource "random_uuid" "app_roles" {
  for_each = local.scopes
}

resource "azuread_application" "api" {
  display_name     = var.name
  sign_in_audience = "AzureADMyOrg"
  owners           = [data.azurerm_client_config.current.object_id]

  api {
    # Tokens of version 2: their audience is the client id.
    requested_access_token_version = 2

    dynamic "oauth2_permission_scope" {
      for_each = local.scopes

      content {
        id                         = random_uuid.scopes[oauth2_permission_scope.key].result
        value                      = oauth2_permission_scope.key
        type                       = "Admin"
        enabled                    = true
        admin_consent_display_name = oauth2_permission_scope.value
        admin_consent_description  = oauth2_permission_scope.value
      }
    }
  }

  dynamic "app_role" {
    for_each = local.scopes

    content {
      id                   = random_uuid.app_roles[app_role.key].result
      value                = app_role.key
      display_name         = app_role.value
      description          = app_role.value
      allowed_member_types = ["Application", "User"]
      enabled              = true
    }
  }

  lifecycle {
    ignore_changes = [identifier_uris]
  }
}

resource "azuread_application_identifier_uri" "api" {
  application_id = azuread_application.api.id
  identifier_uri = "api://${azuread_application.api.client_id}"
}

resource "azuread_service_principal" "api" {
  client_id = azuread_application.api.client_id
  owners    = [data.azurerm_client_config.current.object_id]
}

# The console signs people in as an application of its own.
resource "azuread_application" "console" {
  display_name     = "${var.name} console"
  sign_in_audience = "AzureADMyOrg"
  owners           = [data.azurerm_client_config.current.object_id]

  web {
    redirect_uris = ["https://${var.console_hostname}/sign-in/callback"]
  }

  required_resource_access {
    resource_app_id = azuread_application.api.client_id

    dynamic "resource_access" {
      for_each = { for scope, uuid in random_uuid.scopes : scope => uuid if !startswith(scope, "contacts.") }

      content {
        id   = resource_access.value.result
        type = "Scope"
      }
    }
  }
}

# Whoever signs in there has all that the console asks for, so that not everybody of the directory may: people are assigned.
resource "azuread_service_principal" "console" {
  client_id                    = azuread_application.console.client_id
  owners                       = [data.azurerm_client_config.current.object_id]
  app_role_assignment_required = true
}

# Ends after a year; `terraform apply -replace` makes another.
resource "azuread_application_password" "console" {
  application_id = azuread_application.console.id
  display_name   = "contato console"
  end_date       = timeadd(plantimestamp(), "8760h")

  lifecycle {
    ignore_changes = [end_date]
  }
}
