terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

provider "azurerm" {
  resource_provider_registrations = "none"
  resource_providers_to_register  = ["Microsoft.ManagedIdentity", "Microsoft.Storage"]
  subscription_id                 = var.subscription_id
  # The account has no keys to use, so everything goes by sign-in, and nothing here needs to reach into the account.
  storage_use_azuread = true

  features {
    storage {
      data_plane_available = false
    }
  }
}
