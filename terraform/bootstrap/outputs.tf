output "backend" {
  description = "To be put into aksight.yaml."
  value = yamlencode({
    terraform = {
      backend = {
        type           = "azurerm"
        resourceGroup  = azurerm_resource_group.state.name
        storageAccount = azurerm_storage_account.state.name
        container      = azurerm_storage_container.state.name
      }
    }
  })
}

output "client_id" {
  description = "Client id with which a pipeline signs in."
  value       = azurerm_user_assigned_identity.deploy.client_id
}

output "principal_id" {
  description = "Object id of the identity, for further role assignments."
  value       = azurerm_user_assigned_identity.deploy.principal_id
}

output "tenant_id" {
  description = "Tenant in which a pipeline signs in."
  value       = azurerm_user_assigned_identity.deploy.tenant_id
}
