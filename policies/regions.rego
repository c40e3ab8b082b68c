# Regions in which something may be created, as the file says.
package aksight.regions

plain(name) := lower(replace(name, " ", ""))

# METADATA
# title: a region outside `policies.allowedRegions`
deny contains finding if {
	allowed := {plain(region) | some region in object.get(input.spec, ["policies", "allowedRegions"], [])}
	count(allowed) > 0
	here := plain(input.spec.azure.location)
	not here in allowed
	finding := {
		"id": "AKS-POL-006",
		"message": sprintf("nothing may be created in region `%s`", [here]),
		"remedy": sprintf("choose one of %s in `azure.location`, or have `policies.allowedRegions` changed", [concat(", ", sort(allowed))]),
		"subject": "azure.location",
	}
}
