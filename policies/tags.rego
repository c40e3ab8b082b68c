# Tags that everything must carry, as the file says.
package aksight.tags

deny contains finding if {
	some tag in object.get(input.spec, ["policies", "requiredTags"], [])
	trim_space(object.get(input.spec, ["azure", "tags", tag], "")) == ""
	finding := {
		"id": "AKS-POL-005",
		"message": sprintf("the tag `%s` is required and missing", [tag]),
		"remedy": sprintf("add it under `azure.tags`: `%s: …`", [tag]),
		"subject": "azure.tags",
	}
}
