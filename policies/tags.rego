# Tags that everything must carry, as the file says.
package aksight.tags

# Azure compares names of tags without regard to case.
present contains lower(name) if {
	some name, value in object.get(input.spec, ["azure", "tags"], {})
	trim_space(value) != ""
}

# METADATA
# title: a tag of `policies.requiredTags` is missing
deny contains finding if {
	some tag in object.get(input.spec, ["policies", "requiredTags"], [])
	not lower(tag) in present
	finding := {
		"id": "AKS-POL-005",
		"message": sprintf("the tag `%s` is required and missing", [tag]),
		"remedy": sprintf("add it under `azure.tags`: `%s: …`", [tag]),
		"subject": "azure.tags",
	}
}
