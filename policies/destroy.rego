# Nothing that holds data or runs workloads is replaced or deleted unless somebody named it.
package aksight.destroy

protected := {
	"azurerm_kubernetes_cluster": "the cluster and everything that runs in it",
	"azurerm_monitor_workspace": "the workspace and every metric in it: there is no soft delete",
	"azurerm_dashboard_grafana": "Grafana with its dashboards, alert rules and users",
}

# The resource type in an address, also of one inside modules. Only the end counts: keys of instances may hold any text.
kind(address) := found if {
	some place in regex.find_n(`[a-z0-9_]+\.[A-Za-z0-9_-]+(\[[^\]]*\])?$`, address, 1)
	found := split(place, ".")[0]
}

# Seen in aksight's own plan.
destroyed contains [address, action] if {
	some resource in input.resources
	address := resource.address
	action := resource.action
	action in {"delete", "replace"}
}

# Seen in terraform's plan, in case the first view missed it.
destroyed contains [change.address, "delete"] if {
	some change in object.get(input, ["terraform", "resource_changes"], [])
	"delete" in change.change.actions
	not "create" in change.change.actions
}

destroyed contains [change.address, "replace"] if {
	some change in object.get(input, ["terraform", "resource_changes"], [])
	"delete" in change.change.actions
	"create" in change.change.actions
}

# METADATA
# title: cluster, workspace and Grafana are not replaced or deleted unless named by `--allow-destroy`
deny contains finding if {
	some [address, action] in destroyed
	what := protected[kind(address)]
	not address in object.get(input, "allow_destroy", [])
	finding := {
		"id": "AKS-POL-001",
		"message": sprintf("the plan would %s %s: %s would be lost", [action, address, what]),
		"remedy": sprintf("if that is wanted, name it: --allow-destroy %s", [address]),
		"subject": address,
	}
}
