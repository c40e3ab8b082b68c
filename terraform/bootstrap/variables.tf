variable "subscription_id" {
  description = "Subscription that holds the state; null for ARM_SUBSCRIPTION_ID."
  type        = string
  default     = null
}

variable "location" {
  description = "Region of the storage account."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group that is created for the state. Nothing else should live in it."
  type        = string
  default     = "rg-aksight-state"
}

variable "storage_account_name" {
  description = "Storage account; its name is unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.storage_account_name))
    error_message = "It must be 3 to 24 lower-case letters and digits."
  }
}

variable "container_name" {
  description = "Blob container; every stack has a blob of its own in it."
  type        = string
  default     = "tfstate"
}

variable "replication" {
  description = "How the account is replicated: LRS, ZRS, GRS, RAGRS, GZRS or RAGZRS. Not every region has zones."
  type        = string
  default     = "ZRS"
}

variable "retention_days" {
  description = "For how long a deleted or overwritten state can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.retention_days >= 7 && var.retention_days <= 365
    error_message = "It must be 7 to 365 days."
  }
}

variable "identity_name" {
  description = "User-assigned identity that pipelines sign in as."
  type        = string
  default     = "id-aksight-deploy"
}

variable "github_subjects" {
  description = "Who may sign in from GitHub Actions: a name of your choice, and the subject, such as `repo:octo/infra:environment:production`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for subject in values(var.github_subjects) : can(regex("^repo:[^/:*]+/[^/:*]+:[^*]+$", subject))])
    error_message = "A subject names one repository and one environment, branch, tag or `pull_request`, without wildcards."
  }
}

variable "azure_devops_subjects" {
  description = "Who may sign in from Azure DevOps: a name of your choice, with issuer and subject as the draft of the service connection shows them."
  type        = map(object({ issuer = string, subject = string }))
  default     = {}

  validation {
    condition     = alltrue([for one in values(var.azure_devops_subjects) : can(regex("^https://", one.issuer))])
    error_message = "An issuer begins with https://."
  }
}

variable "audience" {
  description = "Audience of the tokens: api://AzureADTokenExchange, with USGov or China at its end in those clouds."
  type        = string
  default     = "api://AzureADTokenExchange"
}

variable "people" {
  description = "Who may read and write the state beside the pipelines: object id = User, Group or ServicePrincipal. Owner alone is not enough."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for kind in values(var.people) : contains(["User", "Group", "ServicePrincipal"], kind)])
    error_message = "A kind is User, Group or ServicePrincipal."
  }
}

variable "tags" {
  description = "Tags on everything that is created."
  type        = map(string)
  default     = {}
}
