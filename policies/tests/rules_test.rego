package aksight.rules_test

import data.aksight.ingestion
import data.aksight.regions
import data.aksight.tags

ids(findings) := {finding.id | some finding in findings}

test_a_missing_tag_is_denied if {
	"AKS-POL-005" in ids(tags.deny) with input as {"spec": {"azure": {"tags": {"owner": " "}}, "policies": {"requiredTags": ["owner"]}}}
}

test_tags_that_are_there_pass if {
	count(tags.deny) == 0 with input as {"spec": {"azure": {"tags": {"owner": "me"}}, "policies": {"requiredTags": ["owner"]}}}
}

test_no_tags_are_required_by_default if {
	count(tags.deny) == 0 with input as {"spec": {"azure": {}}}
}

test_a_region_that_is_not_allowed_is_denied if {
	"AKS-POL-006" in ids(regions.deny) with input as {"spec": {"azure": {"location": "eastus"}, "policies": {"allowedRegions": ["West Europe"]}}}
}

test_regions_are_compared_as_azure_does if {
	count(regions.deny) == 0 with input as {"spec": {"azure": {"location": "westeurope"}, "policies": {"allowedRegions": ["West Europe"]}}}
}

test_all_regions_are_allowed_by_default if {
	count(regions.deny) == 0 with input as {"spec": {"azure": {"location": "anywhere"}}}
}

test_scraping_too_often_is_denied if {
	"AKS-POL-007" in ids(ingestion.deny) with input as {"spec": {"monitoring": {"metrics": {"intervals": {"kubelet": "5s"}}}}}
}

test_the_files_own_limit_counts if {
	spec := {"monitoring": {"metrics": {"intervals": {"kubelet": "5s"}}}, "policies": {"ingestion": {"minInterval": "1s"}}}
	count(ingestion.deny) == 0 with input as {"spec": spec}
}

test_a_target_without_any_filter_is_denied if {
	spec := {"monitoring": {"metrics": {"minimalProfile": false, "targets": {"kubelet": true}}}}
	"AKS-POL-008" in ids(ingestion.deny) with input as {"spec": spec}
}

test_a_keep_list_is_a_filter if {
	spec := {"monitoring": {"metrics": {"minimalProfile": false, "keepLists": {"kubelet": "kubelet_.*"}}}}
	subjects := {finding.subject | some finding in ingestion.deny} with input as {"spec": spec}
	count(subjects) > 0
	not "monitoring.metrics.keepLists.kubelet" in subjects
}

test_unfiltered_targets_can_be_wanted if {
	spec := {"monitoring": {"metrics": {"minimalProfile": false, "targets": {"kubelet": true}}}, "policies": {"ingestion": {"allowUnfiltered": true}}}
	count(ingestion.deny) == 0 with input as {"spec": spec}
}

test_the_minimal_profile_is_a_filter if {
	count(ingestion.deny) == 0 with input as {"spec": {"monitoring": {"metrics": {"targets": {"kubelet": true}}}}}
}

test_tags_are_compared_as_azure_does if {
	count(tags.deny) == 0 with input as {"spec": {"azure": {"tags": {"Owner": "me"}}, "policies": {"requiredTags": ["owner"]}}}
}

test_targets_that_are_on_by_default_count if {
	subjects := {finding.subject | some finding in ingestion.deny} with input as {"spec": {"monitoring": {"metrics": {"minimalProfile": false}}}}
	"monitoring.metrics.keepLists.cadvisor" in subjects
}

test_targets_that_are_off_send_nothing if {
	metrics := {"minimalProfile": false, "targets": {target: false | some target in ingestion.on_by_default}}
	count(ingestion.deny) == 0 with input as {"spec": {"monitoring": {"metrics": metrics}}}
}

test_hubble_is_filtered_by_us if {
	subjects := {finding.subject | some finding in ingestion.deny} with input as {"spec": {"monitoring": {"metrics": {"minimalProfile": false, "targets": {"networkobservabilityHubble": true}}}}}
	not "monitoring.metrics.keepLists.networkobservabilityHubble" in subjects
}

test_annotated_pods_without_a_keep_list_are_warned_of if {
	"AKS-POL-009" in ids(ingestion.warn) with input as {"spec": {"monitoring": {"metrics": {"podAnnotationNamespaces": ["shop"]}}}}
}

test_annotated_pods_with_one_are_not if {
	metrics := {"podAnnotationNamespaces": ["shop"], "keepLists": {"podannotations": "http_.*"}}
	count(ingestion.warn) == 0 with input as {"spec": {"monitoring": {"metrics": metrics}}}
}

test_pods_that_are_not_scraped_send_nothing if {
	count(ingestion.warn) == 0 with input as {"spec": {"monitoring": {"metrics": {}}}}
}
