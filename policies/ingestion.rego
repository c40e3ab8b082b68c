# Guards against the cost of metrics: every sample is paid for.
package aksight.ingestion

metrics := object.get(input.spec, ["monitoring", "metrics"], {})

guards := object.get(input.spec, ["policies", "ingestion"], {})

# What the agents scrape when the file says nothing. A test keeps this list equal to the program's.
on_by_default := {
	"acstor-capacity-provisioner", "acstor-metrics-exporter", "cadvisor", "dcgmexporter", "kappiebasic", "kubelet", "kubestate",
	"local-csi-driver", "networkobservabilityCilium", "networkobservabilityHubble", "networkobservabilityRetina", "nodeexporter",
}

# aksight itself gives these a keep-list when the file has none.
kept_by_us := {"networkobservabilityHubble"}

scraped contains target if {
	some target in on_by_default
	object.get(metrics, ["targets", target], true)
}

scraped contains target if {
	some target, on in object.get(metrics, "targets", {})
	on
}

filtered(target) if object.get(metrics, ["keepLists", target], "") != ""

filtered(target) if target in kept_by_us

# METADATA
# title: scraping more often than `policies.ingestion.minInterval`
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

# METADATA
# title: a target without any filter, unless `policies.ingestion.allowUnfiltered`
deny contains finding if {
	object.get(metrics, "minimalProfile", true) == false
	not object.get(guards, "allowUnfiltered", false)
	some target in scraped
	not filtered(target)
	finding := {
		"id": "AKS-POL-008",
		"message": sprintf("`%s` sends everything it has: the minimal profile is off and there is no keep-list", [target]),
		"remedy": sprintf("add `monitoring.metrics.keepLists.%s`, keep `minimalProfile`, or set `policies.ingestion.allowUnfiltered: true`", [target]),
		"subject": sprintf("monitoring.metrics.keepLists.%s", [target]),
	}
}

# The minimal profile has no list for pods (contract §5.4).
# METADATA
# title: annotated pods without a keep-list, for which the minimal profile does not hold
warn contains finding if {
	count(object.get(metrics, "podAnnotationNamespaces", [])) > 0
	not object.get(guards, "allowUnfiltered", false)
	not filtered("podannotations")
	finding := {
		"id": "AKS-POL-009",
		"message": "annotated pods send everything they expose: the minimal profile does not hold for them",
		"remedy": "add `monitoring.metrics.keepLists.podannotations`, or set `policies.ingestion.allowUnfiltered: true`",
		"subject": "monitoring.metrics.keepLists.podannotations",
	}
}
