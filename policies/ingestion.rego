# Guards against the cost of metrics: every sample is paid for.
package aksight.ingestion

metrics := object.get(input.spec, ["monitoring", "metrics"], {})

guards := object.get(input.spec, ["policies", "ingestion"], {})

deny contains finding if {
	some target, interval in object.get(metrics, "intervals", {})
	least := object.get(guards, "minInterval", "15s")
	time.parse_duration_ns(interval) < time.parse_duration_ns(least)
	finding := {
		"id": "AKS-POL-007",
		"message": sprintf("`%s` is scraped every %s, more often than every %s", [target, interval, least]),
		"remedy": "scrape less often, or lower `policies.ingestion.minInterval` if the cost is wanted",
		"subject": sprintf("monitoring.metrics.intervals.%s", [target]),
	}
}

deny contains finding if {
	object.get(metrics, "minimalProfile", true) == false
	not object.get(guards, "allowUnfiltered", false)
	some target, on in object.get(metrics, "targets", {})
	on
	object.get(metrics, ["keepLists", target], "") == ""
	finding := {
		"id": "AKS-POL-008",
		"message": sprintf("`%s` sends everything it has: the minimal profile is off and there is no keep-list", [target]),
		"remedy": sprintf("add `monitoring.metrics.keepLists.%s`, keep `minimalProfile`, or set `policies.ingestion.allowUnfiltered: true`", [target]),
		"subject": sprintf("monitoring.metrics.keepLists.%s", [target]),
	}
}
